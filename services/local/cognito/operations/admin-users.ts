import { randomBytes } from 'node:crypto'
import { Type } from 'typebox'
import { readAttributes, toAttributeList } from '../pools/attributes.ts'
import { checkPassword } from '../pools/password-policy.ts'
import type { User } from '../pools/schema.ts'
import { createUser, setPassword, toCredentials } from '../pools/users.ts'
import { member } from './input.ts'
import { operation, toTimestamp } from './operation.ts'

const aUser = { UserPoolId: member.poolId, Username: member.username }

export const adminCreateUser = operation({
  name: 'AdminCreateUser',
  writes: true,
  input: Type.Object({
    ...aUser,
    TemporaryPassword: Type.Optional(member.password),
    UserAttributes: Type.Optional(member.attributes),
    MessageAction: Type.Optional(Type.Literal('SUPPRESS')),
  }),
  async run(
    { UserPoolId, Username, TemporaryPassword, UserAttributes, MessageAction },
    { pools, mailbox, passwordCost, now },
  ) {
    const pool = pools.pool(UserPoolId)
    const attributes = readAttributes(UserAttributes, 'admin')
    const password = TemporaryPassword ?? newTemporaryPassword()
    checkPassword(password, pool.passwordPolicy)
    pool.refuseTaken(Username)
    const credentials = await toCredentials(passwordCost, pool.id, Username, password)
    const fields = { username: Username, status: 'FORCE_CHANGE_PASSWORD', ...credentials, attributes } as const
    const user = createUser(fields, now())
    pool.addUser(user)
    if (MessageAction !== 'SUPPRESS') {
      const sentAt = new Date(now()).toISOString()
      mailbox.send(pool.id, Username, { kind: 'temporary-password', secret: password, sentAt })
    }
    return { User: { ...describe(user), Attributes: toAttributeList(user) } }
  },
})

export const adminSetUserPassword = operation({
  name: 'AdminSetUserPassword',
  writes: true,
  input: Type.Object({ ...aUser, Password: member.password, Permanent: Type.Optional(Type.Boolean()) }),
  async run({ UserPoolId, Username, Password, Permanent = false }, { pools, mailbox, passwordCost, now }) {
    const pool = pools.pool(UserPoolId)
    const user = pool.user(Username)
    checkPassword(Password, pool.passwordPolicy)
    const credentials = await toCredentials(passwordCost, pool.id, Username, Password)
    setPassword(user, credentials, Permanent ? 'CONFIRMED' : 'FORCE_CHANGE_PASSWORD', now())
    mailbox.clear(pool.id, Username)
    return {}
  },
})

export const adminGetUser = operation({
  name: 'AdminGetUser',
  input: Type.Object(aUser),
  run({ UserPoolId, Username }, { pools }) {
    const user = pools.pool(UserPoolId).user(Username)
    return { ...describe(user), UserAttributes: toAttributeList(user) }
  },
})

export const adminDeleteUser = operation({
  name: 'AdminDeleteUser',
  writes: true,
  input: Type.Object(aUser),
  run({ UserPoolId, Username }, { pools, mailbox }) {
    const pool = pools.pool(UserPoolId)
    pool.deleteUser(pool.user(Username))
    mailbox.clear(pool.id, Username)
    return {}
  },
})

function describe(user: User) {
  return {
    Username: user.username,
    UserCreateDate: toTimestamp(user.createdAt),
    UserLastModifiedDate: toTimestamp(user.modifiedAt),
    Enabled: true,
    UserStatus: user.status,
  }
}

/** Returns a password that meets the strictest policy of a pool, whose maximum length is 99. */
function newTemporaryPassword(): string {
  return `Aa1!${randomBytes(72).toString('base64url')}`
}
