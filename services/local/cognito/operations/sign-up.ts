import { randomInt } from 'node:crypto'
import { Type } from 'typebox'
import { CognitoError } from '../errors.ts'
import { hashPassword, verifyPassword } from '../passwords.ts'
import { readAttributes } from '../pools/attributes.ts'
import { checkPassword } from '../pools/password-policy.ts'
import type { UserPool } from '../pools/pool.ts'
import type { User } from '../pools/schema.ts'
import { confirm, createUser, toCredentials } from '../pools/users.ts'
import { member } from './input.ts'
import { type Context, operation } from './operation.ts'

const CODE_LIFETIME_MS = 24 * 3_600_000

export const signUp = operation({
  name: 'SignUp',
  writes: true,
  input: Type.Object({
    ClientId: member.clientId,
    Username: member.username,
    Password: member.password,
    UserAttributes: Type.Optional(member.attributes),
  }),
  async run({ ClientId, Username, Password, UserAttributes }, context) {
    const { pool } = context.pools.client(ClientId)
    const attributes = readAttributes(UserAttributes, 'user')
    checkPassword(Password, pool.passwordPolicy)
    pool.refuseTaken(Username)
    const [credentials, { code, confirmation }] = await Promise.all([
      toCredentials(context.passwordCost, pool.id, Username, Password),
      newCode(context),
    ])
    const fields = { username: Username, status: 'UNCONFIRMED', ...credentials, attributes, confirmation } as const
    const user = createUser(fields, context.now())
    pool.addUser(user)
    return { UserConfirmed: false, UserSub: user.sub, ...send(context, pool, user, code) }
  },
})

export const resendConfirmationCode = operation({
  name: 'ResendConfirmationCode',
  writes: true,
  input: Type.Object({ ClientId: member.clientId, Username: member.username }),
  async run({ ClientId, Username }, context) {
    const { pool } = context.pools.client(ClientId)
    const user = pool.user(Username)
    const { code, confirmation } = await newCode(context)
    if (user.status !== 'UNCONFIRMED') throw new CognitoError('InvalidParameterException', 'User is already confirmed.')
    user.confirmation = confirmation
    return send(context, pool, user, code)
  },
})

export const confirmSignUp = operation({
  name: 'ConfirmSignUp',
  writes: true,
  input: Type.Object({
    ClientId: member.clientId,
    Username: member.username,
    ConfirmationCode: Type.String({ minLength: 1, maxLength: 2048 }),
  }),
  async run({ ClientId, Username, ConfirmationCode }, { pools, mailbox, now }) {
    const { pool } = pools.client(ClientId)
    const user = pool.findUser(Username)
    if (!user) throw new CognitoError('UserNotFoundException', 'Username/client id combination not found.')
    refuseConfirmed(user)
    const { confirmation } = user
    if (!confirmation || !(await verifyPassword(ConfirmationCode, confirmation.codeHash)))
      throw new CognitoError('CodeMismatchException', 'Invalid verification code provided, please try again.')
    if (confirmation.expiresAt <= now())
      throw new CognitoError('ExpiredCodeException', 'Invalid code provided, please request a code again.')
    refuseConfirmed(user)
    confirm(user, now())
    // Only a person who can read the mailbox knows the code.
    if (user.attributes.email) user.attributes.email_verified = 'true'
    mailbox.clear(pool.id, user.username)
    return {}
  },
})

export const adminConfirmSignUp = operation({
  name: 'AdminConfirmSignUp',
  writes: true,
  input: Type.Object({ UserPoolId: member.poolId, Username: member.username }),
  run({ UserPoolId, Username }, { pools, now }) {
    const user = pools.pool(UserPoolId).user(Username)
    refuseConfirmed(user)
    confirm(user, now())
    return {}
  },
})

function refuseConfirmed({ status }: User): void {
  if (status === 'UNCONFIRMED') return
  throw new CognitoError('NotAuthorizedException', `User cannot be confirmed. Current status is ${status}`)
}

async function newCode({ passwordCost, now }: Context) {
  const code = String(randomInt(1_000_000)).padStart(6, '0')
  return {
    code,
    confirmation: { codeHash: await hashPassword(code, passwordCost), expiresAt: now() + CODE_LIFETIME_MS },
  }
}

function send({ mailbox, now }: Context, pool: UserPool, user: User, code: string) {
  mailbox.send(pool.id, user.username, {
    kind: 'confirmation-code',
    secret: code,
    sentAt: new Date(now()).toISOString(),
  })
  const { email } = user.attributes
  if (!email) return {}
  return { CodeDeliveryDetails: { AttributeName: 'email', DeliveryMedium: 'EMAIL', Destination: mask(email) } }
}

/** Masks an email address as Cognito does: `a***@e***`. */
function mask(email: string): string {
  return email
    .split('@')
    .map(part => `${part.charAt(0)}***`)
    .join('@')
}
