import { createHash, createPublicKey, randomUUID } from 'node:crypto'
import { createDecoder, createSigner, createVerifier, TokenError } from 'fast-jwt'
import { CognitoError } from './errors.ts'
import type { SigningKey } from './keys.ts'
import { toClaims } from './pools/attributes.ts'
import type { UserPool } from './pools/pool.ts'
import type { Client, Session, User } from './pools/schema.ts'

/** The scope of tokens from a sign-in over Cognito's API, with which users administer themselves. */
export const ADMIN_SCOPE = 'aws.cognito.signin.user.admin'

export interface TokenGrant {
  pool: UserPool
  issuer: string
  client: Client
  user: User
  session: Session
  /** Milliseconds since 1970. */
  now: number
  /** The `nonce` of the authorization request, which the id token repeats. */
  nonce?: string | undefined
}

/**
 * Signs an id and an access token with Cognito's claims.
 * https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-id-token.html
 */
export function issueTokens(grant: TokenGrant): { idToken: string; accessToken: string } {
  const { pool, issuer, client, user, session, now, nonce } = grant
  const iat = Math.floor(now / 1000)
  const shared = {
    sub: user.sub,
    iss: issuer,
    origin_jti: session.originJti,
    event_id: randomUUID(),
    auth_time: Math.floor(session.authenticatedAt / 1000),
    iat,
  }
  const sign = signerOf(pool.signingKey)
  const accessToken = sign({
    ...shared,
    username: user.username,
    client_id: client.id,
    token_use: 'access',
    scope: session.scope ?? ADMIN_SCOPE,
    exp: iat + client.accessTokenSeconds,
    jti: randomUUID(),
  })
  return {
    accessToken,
    idToken: sign({
      ...toClaims(user.attributes),
      ...shared,
      'cognito:username': user.username,
      aud: client.id,
      token_use: 'id',
      exp: iat + client.idTokenSeconds,
      jti: randomUUID(),
      // Claims of OpenID Connect, which only the sign-in pages add.
      ...(session.scope !== undefined && { at_hash: halfHash(accessToken) }),
      ...(nonce !== undefined && { nonce }),
    }),
  }
}

/** Returns the left half of the SHA-256 of a token (OpenID Connect Core, 3.1.3.6). */
function halfHash(token: string): string {
  return createHash('sha256').update(token).digest().subarray(0, 16).toString('base64url')
}

/**
 * Returns the user and the pool of an access token.
 *
 * @param scope the scope that the token must have
 * @throws CognitoError NotAuthorizedException if this server did not sign the token, the token has expired, was revoked or
 * does not have the scope; UserNotFoundException if the user was deleted
 */
export function readAccessToken(
  token: string,
  pools: Iterable<UserPool>,
  issuerOf: (poolId: string) => string,
  now: number,
  scope: string,
): { pool: UserPool; user: User } {
  const pool = poolOf(token, pools)
  const claims = verify(token, pool, issuerOf(pool.id))
  if (claims.token_use !== 'access') throw invalid()
  if (claims.exp * 1000 <= now) throw new CognitoError('NotAuthorizedException', 'Access Token has expired')
  if (!claims.scope.split(' ').includes(scope))
    throw new CognitoError('NotAuthorizedException', 'Access Token does not have required scopes')
  const user = pool.user(claims.username)
  if (user.sub !== claims.sub) throw new CognitoError('UserNotFoundException', 'User does not exist.')
  if (!pool.hasSession(claims.origin_jti))
    throw new CognitoError('NotAuthorizedException', 'Access Token has been revoked')
  return { pool, user }
}

interface AccessClaims {
  token_use: string
  exp: number
  scope: string
  username: string
  sub: string
  origin_jti: string
}

const signers = new WeakMap<SigningKey, (claims: Record<string, unknown>) => string>()
const decode = createDecoder({ complete: true })

/** Returns the signer of a key. Reading the PEM costs more than signing, so it is done once for each key. */
function signerOf(key: SigningKey): (claims: Record<string, unknown>) => string {
  const known = signers.get(key)
  if (known) return known
  const signer = createSigner<Record<string, unknown>>({ key: key.privateKey, algorithm: 'RS256', kid: key.kid })
  signers.set(key, signer)
  return signer
}

/** Returns the pool that has the token's key. No other claim is trusted before the signature is verified. */
function poolOf(token: string, pools: Iterable<UserPool>): UserPool {
  const kid = unlessInvalid(() => decode(token).header.kid as unknown)
  for (const pool of pools) if (pool.keys.some(key => key.kid === kid)) return pool
  throw invalid()
}

function verify(token: string, pool: UserPool, issuer: string): AccessClaims {
  return unlessInvalid(() => {
    const { kid } = decode(token).header
    const key = pool.keys.find(candidate => candidate.kid === kid)
    if (!key) throw invalid()
    const publicKey = createPublicKey(key.privateKey).export({ type: 'spki', format: 'pem' })
    // The caller checks the expiry, with the server's own clock.
    const options = { key: publicKey, allowedIss: issuer, requiredClaims: ['iss', 'exp'], ignoreExpiration: true }
    return createVerifier({ ...options, algorithms: ['RS256'] })(token) as AccessClaims
  })
}

function unlessInvalid<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof TokenError) throw invalid(error)
    throw error
  }
}

function invalid(cause?: unknown): CognitoError {
  return new CognitoError('NotAuthorizedException', 'Invalid Access Token', { cause })
}
