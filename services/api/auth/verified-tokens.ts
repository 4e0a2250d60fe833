import { hash } from 'node:crypto'

export type Claims = Readonly<Record<string, unknown>>

/** A token whose signature and claims are verified. */
export interface VerifiedToken {
  claims: Claims
  /** The `kid` that the token names, and the key that its signature was verified with. */
  kid: string
  key: string
}

export interface VerifiedTokens {
  get(token: string): VerifiedToken | undefined
  add(token: string, verified: VerifiedToken): void
}

export interface VerifiedTokensSettings {
  /** Maximum number of tokens. The least recently used token is dropped first, and verified again when it is sent again. */
  max: number
  /** How long a token is remembered, in milliseconds, but not longer than its `exp`. */
  ttlMs: number
  now?: () => number
}

/**
 * Remembers verified tokens only. The cache of the JWT library keeps rejected tokens too, so anybody could displace all
 * valid tokens from it.
 */
export function createVerifiedTokens({ max, ttlMs, now = Date.now }: VerifiedTokensSettings): VerifiedTokens {
  const known = new Map<string, VerifiedToken & { until: number }>()
  return {
    get(token) {
      const name = nameOf(token)
      const found = known.get(name)
      if (!found) return undefined
      known.delete(name)
      if (now() >= found.until) return undefined
      known.set(name, found)
      return found
    },
    add(token, verified) {
      const { exp } = verified.claims
      const until = Math.min(now() + ttlMs, typeof exp === 'number' ? exp * 1_000 : 0)
      const name = nameOf(token)
      known.delete(name)
      const [leastUsed] = known.keys()
      if (known.size >= max && leastUsed !== undefined) known.delete(leastUsed)
      known.set(name, { ...verified, until })
    },
  }
}

/** Returns the hash of a token. The token itself is a secret, and long. */
function nameOf(token: string): string {
  return hash('sha256', token, 'base64')
}
