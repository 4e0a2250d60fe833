import { Type } from 'typebox'
import { CognitoError } from '../errors.ts'
import { verifyNothing, verifyPassword } from '../passwords.ts'
import type { UserPool } from '../pools/pool.ts'
import type { Client, User } from '../pools/schema.ts'
import { openSession, resumeSession } from '../sessions.ts'
import { member } from './input.ts'
import { type Context, operation } from './operation.ts'
import { grantTokens, type SignIn } from './tokens.ts'

export const initiateAuth = operation({
  name: 'InitiateAuth',
  writes: true,
  input: Type.Object({
    ClientId: member.clientId,
    AuthFlow: Type.String({ minLength: 1, maxLength: 64 }),
    AuthParameters: Type.Optional(
      Type.Object({
        USERNAME: Type.Optional(Type.String()),
        PASSWORD: Type.Optional(member.password),
        REFRESH_TOKEN: Type.Optional(Type.String()),
        SRP_A: Type.Optional(Type.String()),
      }),
    ),
  }),
  async run({ ClientId, AuthFlow, AuthParameters = {} }, context) {
    const { pool, client } = context.pools.client(ClientId)
    const { USERNAME, PASSWORD, REFRESH_TOKEN, SRP_A } = AuthParameters
    switch (AuthFlow) {
      case 'USER_PASSWORD_AUTH':
        requireFlow(client, AuthFlow)
        return byPassword(context, pool, client, required('USERNAME', USERNAME), required('PASSWORD', PASSWORD))
      case 'USER_SRP_AUTH': {
        requireFlow(client, AuthFlow)
        const [username, clientPublic] = [required('USERNAME', USERNAME), required('SRP_A', SRP_A)]
        return context.srp.open(pool, client, username, clientPublic, context.now())
      }
      case 'REFRESH_TOKEN_AUTH':
      case 'REFRESH_TOKEN':
        requireFlow(client, 'REFRESH_TOKEN_AUTH')
        return byRefreshToken(context, pool, client, required('REFRESH_TOKEN', REFRESH_TOKEN))
      default:
        throw new CognitoError('InvalidParameterException', `This server does not support the flow ${AuthFlow}.`)
    }
  },
})

/** Opens a session for an authenticated user, and returns its first tokens. */
export function signIn(context: Context, { pool, client, user }: SignIn): object {
  const { session, refreshToken } = openSession(pool, client, user, context.now())
  const tokens = grantTokens(context, { pool, client, user }, session)
  return { ChallengeParameters: {}, AuthenticationResult: { ...tokens, RefreshToken: refreshToken } }
}

async function byPassword(
  context: Context,
  pool: UserPool,
  client: Client,
  username: string,
  password: string,
): Promise<object> {
  const user = await authenticate(context, pool, client, username, password)
  return signInOrAsk(context, { pool, client, user })
}

/** Signs in a user who has proven the password, or asks for a new password if an administrator chose the current one. */
export function signInOrAsk(context: Context, { pool, client, user }: SignIn): object {
  if (user.status === 'FORCE_CHANGE_PASSWORD') return askForNewPassword(context, client, user)
  return signIn(context, { pool, client, user })
}

/**
 * Returns the user of a user name and a password. The user may have to choose a new password before the sign-in.
 *
 * @throws CognitoError NotAuthorizedException, UserNotConfirmedException, UserNotFoundException
 */
export async function authenticate(
  { passwordCost }: Pick<Context, 'passwordCost'>,
  pool: UserPool,
  client: Client,
  username: string,
  password: string,
): Promise<User> {
  const user = pool.findUser(username)
  if (!user && !client.hidesUnknownUsers) throw new CognitoError('UserNotFoundException', 'User does not exist.')
  const isRight = user ? await verifyPassword(password, user.passwordHash) : await verifyNothing(password, passwordCost)
  if (!user || !isRight) throw new CognitoError('NotAuthorizedException', 'Incorrect username or password.')
  if (user.status === 'UNCONFIRMED') throw new CognitoError('UserNotConfirmedException', 'User is not confirmed.')
  return user
}

function byRefreshToken(context: Context, pool: UserPool, client: Client, refreshToken: string): object {
  const { session, user } = resumeSession(pool, client, refreshToken, context.now())
  return { ChallengeParameters: {}, AuthenticationResult: grantTokens(context, { pool, client, user }, session) }
}

function askForNewPassword({ challenges, now }: Context, client: Client, user: User): object {
  return {
    ChallengeName: 'NEW_PASSWORD_REQUIRED',
    Session: challenges.open(client, user, now()),
    ChallengeParameters: {
      USER_ID_FOR_SRP: user.username,
      requiredAttributes: '[]',
      userAttributes: JSON.stringify(user.attributes),
    },
  }
}

function requireFlow(client: Client, flow: string): void {
  // The name without the prefix is the older name of the same flow.
  if (client.authFlows.includes(`ALLOW_${flow}`) || client.authFlows.includes(flow)) return
  throw new CognitoError('InvalidParameterException', `${flow} flow not enabled for this client`)
}

function required(name: string, value: string | undefined): string {
  if (value) return value
  throw new CognitoError('InvalidParameterException', `Missing required parameter ${name}`)
}
