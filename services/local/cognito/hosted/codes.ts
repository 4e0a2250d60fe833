import { createHash } from 'node:crypto'
import type { Client, User } from '../pools/schema.ts'
import type { AuthorizationRequest } from './authorization-request.ts'
import { TokenEndpointError } from './errors.ts'
import { ExpiringMap } from './expiring-map.ts'

/** The same as Cognito's. */
const LIFETIME_MS = 5 * 60_000

/** What a code stands for. */
export interface IssuedCode {
  clientId: string
  redirectUri: string
  scopes: readonly string[]
  nonce: string | undefined
  codeChallenge: string | undefined
  username: string
  sub: string
  /** Milliseconds since 1970. */
  authenticatedAt: number
}

/** Authorization codes, which are exchanged for tokens once. */
export class Codes {
  readonly #codes = new ExpiringMap<IssuedCode>(LIFETIME_MS)

  /** Creates a code for a user who has signed in. */
  issue(asked: AuthorizationRequest, { username, sub }: User, authenticatedAt: number, now: number): string {
    const { client, redirectUri, scopes, nonce, codeChallenge } = asked
    const code = { clientId: client.id, redirectUri, scopes, nonce, codeChallenge, username, sub, authenticatedAt }
    return this.#codes.add(code, now)
  }

  /**
   * Redeems a code. A failed attempt uses it up too.
   *
   * @throws TokenEndpointError invalid_grant
   */
  redeem(
    code: string,
    client: Client,
    { redirectUri, codeVerifier }: { redirectUri: string | undefined; codeVerifier: string | undefined },
    now: number,
  ): IssuedCode {
    const issued = this.#codes.take(code, now)
    if (issued?.clientId !== client.id) throw invalidGrant('The code does not exist, was used, or has expired.')
    if (issued.redirectUri !== redirectUri) throw invalidGrant('The redirect_uri is not the one of the code.')
    const challenge = codeVerifier && createHash('sha256').update(codeVerifier).digest('base64url')
    if (issued.codeChallenge !== challenge) {
      throw invalidGrant('The code_verifier does not match the code_challenge of the code.')
    }
    return issued
  }
}

export function invalidGrant(message: string): TokenEndpointError {
  return new TokenEndpointError('invalid_grant', message)
}
