import { Type } from 'typebox'
import { invalidSession } from '../challenges.ts'
import { CognitoError } from '../errors.ts'
import { readAttributes, updateAttributes } from '../pools/attributes.ts'
import { checkPassword } from '../pools/password-policy.ts'
import type { UserPool } from '../pools/pool.ts'
import type { Client, User } from '../pools/schema.ts'
import { setPassword, toCredentials } from '../pools/users.ts'
import { signIn, signInOrAsk } from './auth.ts'
import { member } from './input.ts'
import { type Context, operation } from './operation.ts'

const ATTRIBUTE_PREFIX = 'userAttributes.'

export const respondToAuthChallenge = operation({
  name: 'RespondToAuthChallenge',
  writes: true,
  input: Type.Object({
    ClientId: member.clientId,
    ChallengeName: Type.Enum(['NEW_PASSWORD_REQUIRED', 'PASSWORD_VERIFIER']),
    Session: Type.Optional(Type.String({ minLength: 20, maxLength: 2048 })),
    ChallengeResponses: Type.Intersect([
      Type.Object({ USERNAME: member.username, NEW_PASSWORD: Type.Optional(member.password) }),
      Type.Record(Type.String(), Type.String({ maxLength: 2048 })),
    ]),
  }),
  async run({ ClientId, ChallengeName, Session, ChallengeResponses }, context) {
    const { pool, client } = context.pools.client(ClientId)
    if (ChallengeName === 'PASSWORD_VERIFIER') {
      const user = context.srp.close(pool, client, ChallengeResponses, context.now())
      return signInOrAsk(context, { pool, client, user })
    }
    const { USERNAME, NEW_PASSWORD } = ChallengeResponses
    if (Session === undefined || NEW_PASSWORD === undefined) {
      throw new CognitoError('InvalidParameterException', 'Missing required parameter Session or NEW_PASSWORD')
    }
    const attributes = readAttributes(givenAttributes(ChallengeResponses), 'user')
    const answer = { session: Session, username: USERNAME, newPassword: NEW_PASSWORD, attributes }
    const user = await chooseNewPassword(context, pool, client, answer)
    return signIn(context, { pool, client, user })
  },
})

interface NewPasswordAnswer {
  session: string
  username: string
  newPassword: string
  attributes: Record<string, string>
}

/**
 * Closes the challenge of a user who had to choose a new password, and returns the user.
 *
 * @throws CognitoError InvalidPasswordException, which leaves the challenge open, or NotAuthorizedException
 */
export async function chooseNewPassword(
  { challenges, mailbox, passwordCost, now }: Context,
  pool: UserPool,
  client: Client,
  { session, username, newPassword, attributes }: NewPasswordAnswer,
): Promise<User> {
  const user = pool.findUser(username)
  if (!user) throw invalidSession()
  challenges.check(session, client, user, now())
  checkPassword(newPassword, pool.passwordPolicy)
  const credentials = await toCredentials(passwordCost, pool.id, user.username, newPassword)
  challenges.close(session)
  setPassword(user, credentials, 'CONFIRMED', now())
  updateAttributes(user.attributes, attributes)
  mailbox.clear(pool.id, user.username)
  return user
}

function givenAttributes(responses: Record<string, string>) {
  return Object.entries(responses)
    .filter(([name]) => name.startsWith(ATTRIBUTE_PREFIX))
    .map(([name, Value]) => ({ Name: name.slice(ATTRIBUTE_PREFIX.length), Value }))
}
