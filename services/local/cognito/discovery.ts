import { type PublicJwk, toPublicJwk } from './keys.ts'
import type { UserPool } from './pools/pool.ts'

/** The pool's public keys, the newest first. */
export function jwksOf(pool: UserPool): { keys: PublicJwk[] } {
  return { keys: pool.keys.map(toPublicJwk).reverse() }
}

/** Cognito's discovery document, as of a pool that has no domain: without the addresses of its hosted pages. */
export function openidConfigurationOf(issuer: string): object {
  return {
    id_token_signing_alg_values_supported: ['RS256'],
    issuer,
    jwks_uri: `${issuer}/.well-known/jwks.json`,
    response_types_supported: ['code', 'token'],
    scopes_supported: ['openid', 'email', 'phone', 'profile'],
    subject_types_supported: ['public'],
    token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
  }
}
