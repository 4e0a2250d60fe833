import { Type } from 'typebox'
import { CognitoError } from '../errors.ts'
import { createClient, newClientId } from '../pools/create.ts'
import type { UserPool } from '../pools/pool.ts'
import type { Client } from '../pools/schema.ts'
import { describeOauth, signInPages, toOauth } from './client-oauth.ts'
import { member } from './input.ts'
import { operation, toTimestamp } from './operation.ts'
import { pageOf } from './page.ts'
import { tokenValidity, toLifetimes } from './token-validity.ts'

/** The flows of a client that names none, as in Cognito: sign-in with only a password is not allowed. */
const DEFAULT_FLOWS = ['ALLOW_REFRESH_TOKEN_AUTH', 'ALLOW_USER_SRP_AUTH', 'ALLOW_CUSTOM_AUTH']

export const createUserPoolClient = operation({
  name: 'CreateUserPoolClient',
  writes: true,
  input: Type.Object(
    {
      UserPoolId: member.poolId,
      ClientName: member.resourceName,
      GenerateSecret: Type.Optional(Type.Literal(false)),
      ExplicitAuthFlows: Type.Optional(Type.Array(Type.String({ pattern: '^[A-Z_]{1,64}$' }))),
      PreventUserExistenceErrors: Type.Optional(Type.Enum(['LEGACY', 'ENABLED'])),
      EnableTokenRevocation: Type.Optional(Type.Literal(true)),
      ...signInPages,
      ...tokenValidity,
    },
    { additionalProperties: false },
  ),
  run(input, { pools, now }) {
    const pool = pools.pool(input.UserPoolId)
    const client = createClient({
      id: newClientId(),
      name: input.ClientName,
      createdAt: now(),
      authFlows: input.ExplicitAuthFlows ?? DEFAULT_FLOWS,
      hidesUnknownUsers: input.PreventUserExistenceErrors === 'ENABLED',
      ...toLifetimes(input),
      ...toOauth(input),
    })
    pool.clients.set(client.id, client)
    return { UserPoolClient: describe(pool, client) }
  },
})

export const describeUserPoolClient = operation({
  name: 'DescribeUserPoolClient',
  input: Type.Object({ UserPoolId: member.poolId, ClientId: member.clientId }),
  run({ UserPoolId, ClientId }, { pools }) {
    const pool = pools.pool(UserPoolId)
    const client = pool.clients.get(ClientId)
    if (!client) throw new CognitoError('ResourceNotFoundException', `User pool client ${ClientId} does not exist.`)
    return { UserPoolClient: describe(pool, client) }
  },
})

export const listUserPoolClients = operation({
  name: 'ListUserPoolClients',
  input: Type.Object({
    UserPoolId: member.poolId,
    MaxResults: Type.Optional(member.pageSize),
    NextToken: Type.Optional(Type.String({ minLength: 1 })),
  }),
  run({ UserPoolId, MaxResults = 60, NextToken }, { pools }) {
    const pool = pools.pool(UserPoolId)
    const { page, next } = pageOf(pool.clients.values(), MaxResults, NextToken)
    return {
      UserPoolClients: page.map(({ id, name }) => ({ ClientId: id, ClientName: name, UserPoolId: pool.id })),
      ...next,
    }
  },
})

function describe(pool: UserPool, client: Client) {
  const at = toTimestamp(client.createdAt)
  return {
    UserPoolId: pool.id,
    ClientId: client.id,
    ClientName: client.name,
    CreationDate: at,
    LastModifiedDate: at,
    ExplicitAuthFlows: client.authFlows,
    PreventUserExistenceErrors: client.hidesUnknownUsers ? 'ENABLED' : 'LEGACY',
    EnableTokenRevocation: true,
    AccessTokenValidity: client.accessTokenSeconds,
    IdTokenValidity: client.idTokenSeconds,
    RefreshTokenValidity: client.refreshTokenSeconds,
    TokenValidityUnits: { AccessToken: 'seconds', IdToken: 'seconds', RefreshToken: 'seconds' },
    ...describeOauth(client),
  }
}
