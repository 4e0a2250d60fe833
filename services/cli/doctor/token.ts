import { createPublicKey, verify } from 'node:crypto'
import { parseJsonObject } from './http.ts'
import type { IssuerKey } from './keys.ts'

export interface ReadToken {
  kid: unknown
  claims: Record<string, unknown>
}

/** What a token says of itself, unverified. Undefined where it is no JWT. */
export function readToken(token: string): ReadToken | undefined {
  const [header, claims] = token.split('.', 2).map(part => parseJsonObject(Buffer.from(part, 'base64url').toString()))
  return header && claims ? { kid: header.kid, claims } : undefined
}

/** Whether a key has signed a token, by RS256, which is the only way that Cognito signs. */
export function verifies(token: string, key: IssuerKey): boolean {
  const end = token.lastIndexOf('.')
  const signature = Buffer.from(token.slice(end + 1), 'base64url')
  return verify('RSA-SHA256', Buffer.from(token.slice(0, end)), createPublicKey({ key, format: 'jwk' }), signature)
}
