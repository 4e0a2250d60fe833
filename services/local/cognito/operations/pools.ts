import { type Static, Type } from 'typebox'
import { createPool, newPoolId } from '../pools/create.ts'
import { defaultPasswordPolicy } from '../pools/password-policy.ts'
import type { UserPool } from '../pools/pool.ts'
import type { PasswordPolicy } from '../pools/schema.ts'
import { member } from './input.ts'
import { operation, toTimestamp } from './operation.ts'
import { pageOf } from './page.ts'

const passwordPolicy = Type.Object(
  {
    MinimumLength: Type.Optional(Type.Integer({ minimum: 6, maximum: 99 })),
    RequireUppercase: Type.Optional(Type.Boolean()),
    RequireLowercase: Type.Optional(Type.Boolean()),
    RequireNumbers: Type.Optional(Type.Boolean()),
    RequireSymbols: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
)

export const createUserPool = operation({
  name: 'CreateUserPool',
  writes: true,
  // Unknown settings are rejected: they would change the pool in Cognito, but not here.
  input: Type.Object(
    {
      PoolName: member.resourceName,
      Policies: Type.Optional(
        Type.Object({ PasswordPolicy: Type.Optional(passwordPolicy) }, { additionalProperties: false }),
      ),
      AutoVerifiedAttributes: Type.Optional(Type.Array(Type.Enum(['email']))),
      UserPoolTags: Type.Optional(Type.Record(Type.String(), Type.String())),
    },
    { additionalProperties: false },
  ),
  async run({ PoolName, Policies }, { pools, now }) {
    const pool = await createPool({
      id: newPoolId(),
      name: PoolName,
      createdAt: now(),
      passwordPolicy: toPolicy(Policies?.PasswordPolicy),
    })
    pools.add(pool)
    return { UserPool: describe(pool) }
  },
})

export const describeUserPool = operation({
  name: 'DescribeUserPool',
  input: Type.Object({ UserPoolId: member.poolId }),
  run: ({ UserPoolId }, { pools }) => ({ UserPool: describe(pools.pool(UserPoolId)) }),
})

export const listUserPools = operation({
  name: 'ListUserPools',
  input: Type.Object({ MaxResults: member.pageSize, NextToken: Type.Optional(Type.String({ minLength: 1 })) }),
  run({ MaxResults, NextToken }, { pools }) {
    const { page, next } = pageOf(pools, MaxResults, NextToken)
    return { UserPools: page.map(summarise), ...next }
  },
})

function summarise(pool: UserPool) {
  const at = toTimestamp(pool.createdAt)
  return { Id: pool.id, Name: pool.name, CreationDate: at, LastModifiedDate: at }
}

function describe(pool: UserPool) {
  const { minimumLength, requireUppercase, requireLowercase, requireNumbers, requireSymbols } = pool.passwordPolicy
  return {
    ...summarise(pool),
    EstimatedNumberOfUsers: pool.userCount,
    MfaConfiguration: 'OFF',
    Policies: {
      PasswordPolicy: {
        MinimumLength: minimumLength,
        RequireUppercase: requireUppercase,
        RequireLowercase: requireLowercase,
        RequireNumbers: requireNumbers,
        RequireSymbols: requireSymbols,
      },
    },
  }
}

function toPolicy(policy: Static<typeof passwordPolicy> | undefined): PasswordPolicy {
  return {
    minimumLength: policy?.MinimumLength ?? defaultPasswordPolicy.minimumLength,
    requireUppercase: policy?.RequireUppercase ?? defaultPasswordPolicy.requireUppercase,
    requireLowercase: policy?.RequireLowercase ?? defaultPasswordPolicy.requireLowercase,
    requireNumbers: policy?.RequireNumbers ?? defaultPasswordPolicy.requireNumbers,
    requireSymbols: policy?.RequireSymbols ?? defaultPasswordPolicy.requireSymbols,
  }
}
