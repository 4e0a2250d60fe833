import { CognitoError } from '../errors.ts'
import type { UserPool } from '../pools/pool.ts'
import type { Client } from '../pools/schema.ts'
import type { UserPools } from '../pools/state.ts'
import { AuthorizationError, PageError } from './errors.ts'
import { type Parameters, readParameters } from './parameters.ts'
import { allowsRedirect, withParameters } from './redirects.ts'

/** A valid request for an authorization code. */
export interface AuthorizationRequest {
  pool: UserPool
  client: Client
  redirectUri: string
  scopes: readonly string[]
  state: string | undefined
  nonce: string | undefined
  /** The PKCE challenge: SHA-256 of the code verifier, in base64url. */
  codeChallenge: string | undefined
  /** `none`: no page may be shown. `login`: the user must sign in again. */
  prompt: 'none' | 'login' | undefined
}

/**
 * Reads the query of a request to the authorization endpoint or to the sign-in page.
 *
 * @throws PageError if the client or the redirect URI is not trusted, AuthorizationError for every other fault
 */
export function readAuthorizationRequest(
  query: string,
  pools: UserPools,
  callbackOrigins: readonly string[],
): AuthorizationRequest {
  const parameters = readParameters(query, message => new PageError('invalid_request', message))
  const { pool, client } = findClient(parameters, pools)
  const { oauth } = client
  if (!oauth) {
    throw new PageError('unauthorized_client', 'The app client has no callback URLs, so it cannot use these pages.')
  }
  const redirectUri = parameters.get('redirect_uri')
  if (redirectUri === undefined) throw new PageError('invalid_request', 'The parameter redirect_uri is missing.')
  if (!allowsRedirect(redirectUri, 'callbackUrls', client, callbackOrigins)) {
    throw new PageError('redirect_mismatch', `The app client does not allow the redirect URI ${redirectUri}`)
  }

  const state = parameters.get('state')
  const fail = (code: AuthorizationError['code'], message: string) =>
    new AuthorizationError(code, message, error =>
      withParameters(redirectUri, { error: error.code, error_description: error.message, state }),
    )
  const type = parameters.get('response_type')
  if (type === 'token') throw fail('unauthorized_client', 'The app client allows only the response type code.')
  if (type !== 'code') throw fail('invalid_request', 'The response_type must be code.')
  const requested = parameters.get('scope')?.split(' ').filter(Boolean)
  const unknown = requested?.find(scope => !oauth.scopes.includes(scope))
  if (unknown !== undefined) throw fail('invalid_scope', `The app client does not allow the scope ${unknown}`)

  const codeChallenge = parameters.get('code_challenge')
  const method = parameters.get('code_challenge_method')
  if ((codeChallenge === undefined) !== (method === undefined)) {
    throw fail('invalid_request', 'code_challenge and code_challenge_method need each other.')
  }
  if (method !== undefined && method !== 'S256')
    throw fail('invalid_request', 'The code_challenge_method must be S256.')
  if (codeChallenge !== undefined && !/^[A-Za-z0-9_-]{43}$/.test(codeChallenge)) {
    throw fail('invalid_request', 'The code_challenge is not a SHA-256 in base64url.')
  }
  const prompt = parameters.get('prompt')
  return {
    pool,
    client,
    redirectUri,
    scopes: requested ?? oauth.scopes,
    state,
    nonce: parameters.get('nonce'),
    codeChallenge,
    prompt: prompt === 'none' || prompt === 'login' ? prompt : undefined,
  }
}

/** @throws PageError */
export function findClient(parameters: Parameters, pools: UserPools): { pool: UserPool; client: Client } {
  const clientId = parameters.get('client_id')
  if (clientId === undefined) throw new PageError('invalid_request', 'The parameter client_id is missing.')
  try {
    return pools.client(clientId)
  } catch (error) {
    if (error instanceof CognitoError) throw new PageError('invalid_client', 'The app client does not exist.')
    throw error
  }
}
