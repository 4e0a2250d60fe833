import { Type } from 'typebox'
import { toAttributeList } from '../pools/attributes.ts'
import { ADMIN_SCOPE, readAccessToken } from '../tokens.ts'
import { member } from './input.ts'
import { operation } from './operation.ts'
import { endSession } from './tokens.ts'

export const getUser = operation({
  name: 'GetUser',
  input: Type.Object({ AccessToken: member.token }),
  run({ AccessToken }, { pools, issuer, now }) {
    const { user } = readAccessToken(AccessToken, pools, issuer, now(), ADMIN_SCOPE)
    return { Username: user.username, UserAttributes: toAttributeList(user) }
  },
})

export const globalSignOut = operation({
  name: 'GlobalSignOut',
  writes: true,
  input: Type.Object({ AccessToken: member.token }),
  run({ AccessToken }, { pools, issuer, now }) {
    const { pool, user } = readAccessToken(AccessToken, pools, issuer, now(), ADMIN_SCOPE)
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
    endSession(pool, client, Token)
    return {}
  },
})
