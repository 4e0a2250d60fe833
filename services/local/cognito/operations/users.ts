import { Type } from 'typebox'
import { CognitoError } from '../errors.ts'
import { toAttributeList } from '../pools/attributes.ts'
import { hashRefreshToken } from '../sessions.ts'
import { readAccessToken } from '../tokens.ts'
import { member } from './input.ts'
import { operation } from './operation.ts'

export const getUser = operation({
  name: 'GetUser',
  input: Type.Object({ AccessToken: member.token }),
  run({ AccessToken }, { pools, issuer, now }) {
    const { user } = readAccessToken(AccessToken, pools, issuer, now())
    return { Username: user.username, UserAttributes: toAttributeList(user) }
  },
})

export const globalSignOut = operation({
  name: 'GlobalSignOut',
  writes: true,
  input: Type.Object({ AccessToken: member.token }),
  run({ AccessToken }, { pools, issuer, now }) {
    const { pool, user } = readAccessToken(AccessToken, pools, issuer, now())
    pool.endSessions(user)
    return {}
  },
})

export const revokeToken = operation({
  name: 'RevokeToken',
  writes: true,
  input: Type.Object({ Token: member.token, ClientId: member.clientId }),
  run({ Token, ClientId }, { pools }) {
    const { pool, client } = pools.client(ClientId)
    // A refresh token of this server has no dots; every JWT has two.
    if (Token.split('.').length === 3)
      throw new CognitoError('UnsupportedTokenTypeException', 'Only a refresh token can be revoked.')
    const session = pool.findSession(hashRefreshToken(Token))
    if (session && session.clientId !== client.id)
      throw new CognitoError('UnauthorizedException', 'The token was not issued to this client.')
    // Revoking an unknown token succeeds (RFC 7009, 2.2).
    if (session) pool.endSession(session)
    return {}
  },
})
