import { Type } from 'typebox'
import { invalidSession } from '../challenges.ts'
import { hashPassword } from '../passwords.ts'
import { readAttributes, updateAttributes } from '../pools/attributes.ts'
import { checkPassword } from '../pools/password-policy.ts'
import { setPassword } from '../pools/users.ts'
import { signIn } from './auth.ts'
import { member } from './input.ts'
import { operation } from './operation.ts'

const ATTRIBUTE_PREFIX = 'userAttributes.'

export const respondToAuthChallenge = operation({
  name: 'RespondToAuthChallenge',
  writes: true,
  input: Type.Object({
    ClientId: member.clientId,
    ChallengeName: Type.Literal('NEW_PASSWORD_REQUIRED'),
    Session: Type.String({ minLength: 20, maxLength: 2048 }),
    ChallengeResponses: Type.Intersect([
      Type.Object({ USERNAME: member.username, NEW_PASSWORD: member.password }),
      Type.Record(Type.String(), Type.String({ maxLength: 2048 })),
    ]),
  }),
  async run({ ClientId, Session, ChallengeResponses }, context) {
    const { pool, client } = context.pools.client(ClientId)
    const { USERNAME, NEW_PASSWORD } = ChallengeResponses
    const user = pool.findUser(USERNAME)
    if (!user) throw invalidSession()
    context.challenges.check(Session, client, user, context.now())
    const attributes = readAttributes(givenAttributes(ChallengeResponses), 'user')
    // A password that breaks the policy leaves the challenge open.
    checkPassword(NEW_PASSWORD, pool.passwordPolicy)
    const passwordHash = await hashPassword(NEW_PASSWORD)
    context.challenges.close(Session)
    setPassword(user, passwordHash, 'CONFIRMED', context.now())
    updateAttributes(user.attributes, attributes)
    context.mailbox.clear(pool.id, user.username)
    return signIn(context, { pool, client, user })
  },
})

function givenAttributes(responses: Record<string, string>) {
  return Object.entries(responses)
    .filter(([name]) => name.startsWith(ATTRIBUTE_PREFIX))
    .map(([name, Value]) => ({ Name: name.slice(ATTRIBUTE_PREFIX.length), Value }))
}
