import type { IncomingMessage, ServerResponse } from 'node:http'
import { CognitoError } from '../errors.ts'
import type { Context } from '../operations/operation.ts'
import { endSession, grantTokens } from '../operations/tokens.ts'
import { toClaims } from '../pools/attributes.ts'
import type { UserPool } from '../pools/pool.ts'
import type { Client, Session } from '../pools/schema.ts'
import { openSession, resumeSession } from '../sessions.ts'
import { readAccessToken } from '../tokens.ts'
import { answer } from '../wire.ts'
import { type Codes, invalidGrant } from './codes.ts'
import { TokenEndpointError } from './errors.ts'
import { type Parameters, readForm } from './parameters.ts'

interface Settings {
  context: Context
  codes: Codes
  /** Resolves once every change so far is on disk. */
  save(): Promise<void>
}

/** Creates the endpoints that clients call: `/oauth2/token`, `/oauth2/revoke` and `/oauth2/userInfo`. */
export function createTokenEndpoint({ context, codes, save }: Settings) {
  async function token(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const form = await readForm(request, invalidRequest)
    const { pool, client } = clientOf(form)
    const tokens = await grant(form, pool, client)
    await save()
    answer(response, 200, tokens, 'application/json', { 'cache-control': 'no-store', pragma: 'no-cache' })
  }

  async function grant(form: Parameters, pool: UserPool, client: Client): Promise<object> {
    const type = required(form, 'grant_type')
    if (type === 'refresh_token') return byRefreshToken(pool, client, required(form, 'refresh_token'))
    if (type !== 'authorization_code') {
      throw new TokenEndpointError('unsupported_grant_type', `This server does not support the grant type ${type}`)
    }
    if (!client.oauth) throw new TokenEndpointError('unauthorized_client', 'The app client does not allow this grant.')
    const [redirectUri, codeVerifier] = [form.get('redirect_uri'), form.get('code_verifier')]
    const issued = codes.redeem(required(form, 'code'), client, { redirectUri, codeVerifier }, context.now())
    const user = pool.findUser(issued.username)
    // A user who was created later with the same name is another user.
    if (user?.sub !== issued.sub) throw invalidGrant('The user of the code was deleted.')
    const { authenticatedAt, scopes, nonce } = issued
    const signedIn = { authenticatedAt, scope: scopes.join(' ') }
    const { session, refreshToken } = openSession(pool, client, user, context.now(), signedIn)
    const tokens = grantTokens(context, { pool, client, user }, session, nonce)
    return { ...named(tokens, session), refresh_token: refreshToken }
  }

  function byRefreshToken(pool: UserPool, client: Client, refreshToken: string): object {
    try {
      const { session, user } = resumeSession(pool, client, refreshToken, context.now())
      return named(grantTokens(context, { pool, client, user }, session), session)
    } catch (error) {
      if (error instanceof CognitoError) throw invalidGrant(error.message)
      throw error
    }
  }

  /** Ends the session of a refresh token, so that its tokens no longer work at Cognito. */
  async function revoke(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const form = await readForm(request, invalidRequest)
    const { pool, client } = clientOf(form)
    try {
      endSession(pool, client, required(form, 'token'))
    } catch (error) {
      if (!(error instanceof CognitoError)) throw error
      const isJwt = error.code === 'UnsupportedTokenTypeException'
      throw new TokenEndpointError(isJwt ? 'unsupported_token_type' : 'invalid_request', error.message)
    }
    await save()
    response.writeHead(200, { 'content-length': 0 }).end()
  }

  async function userInfo(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [, accessToken = ''] = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '') ?? []
    try {
      const { pools, issuer, now } = context
      const { user } = readAccessToken(accessToken, pools, issuer, now(), 'openid')
      const claims = { sub: user.sub, ...toClaims(user.attributes), username: user.username }
      // Cognito sends these two as texts here, unlike in the id token.
      const texts = Object.entries(claims).map(([name, value]) => [name, String(value)])
      answer(response, 200, Object.fromEntries(texts), 'application/json')
    } catch (error) {
      if (!(error instanceof CognitoError)) throw error
      const challenge = `error="invalid_token", error_description="${error.message}"`
      const body = { error: 'invalid_token', error_description: error.message }
      answer(response, 401, body, 'application/json', { 'www-authenticate': `Bearer ${challenge}` })
    }
  }

  function clientOf(form: Parameters): { pool: UserPool; client: Client } {
    try {
      return context.pools.client(required(form, 'client_id'))
    } catch (error) {
      if (error instanceof CognitoError) throw new TokenEndpointError('invalid_client', error.message)
      throw error
    }
  }

  const endpoints: Readonly<Record<string, typeof token>> = {
    'POST /oauth2/token': token,
    'POST /oauth2/revoke': revoke,
    'GET /oauth2/userInfo': userInfo,
    'POST /oauth2/userInfo': userInfo,
  }

  /** Returns false if there is no such endpoint. */
  return async (method: string, path: string, request: IncomingMessage, response: ServerResponse) => {
    const endpoint = endpoints[`${method} ${path}`]
    if (!endpoint) return false
    try {
      await endpoint(request, response)
    } catch (error) {
      if (!(error instanceof TokenEndpointError)) throw error
      const body = { error: error.code, error_description: error.message }
      answer(response, 400, body, 'application/json', { 'cache-control': 'no-store' })
    }
    return true
  }
}

/** Returns tokens by the names of OAuth. Only a sign-in with the scope openid has an id token. */
function named(tokens: ReturnType<typeof grantTokens>, { scope }: Session): object {
  const { AccessToken, ExpiresIn, IdToken, TokenType } = tokens
  const hasIdToken = scope === undefined || scope.split(' ').includes('openid')
  return {
    ...(hasIdToken && { id_token: IdToken }),
    access_token: AccessToken,
    expires_in: ExpiresIn,
    token_type: TokenType,
  }
}

function required(form: Parameters, name: string): string {
  const value = form.get(name)
  if (value === undefined) throw invalidRequest(`The parameter ${name} is missing.`)
  return value
}

function invalidRequest(message: string): TokenEndpointError {
  return new TokenEndpointError('invalid_request', message)
}
