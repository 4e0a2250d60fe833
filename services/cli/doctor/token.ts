import { createPublicKey, type JsonWebKey, verify } from 'node:crypto'
import { fetchText, parseJsonObject } from './http.ts'

type IssuerKey = JsonWebKey & { kid?: string }

/** Fetches the keys of an issuer. Resolves to no keys if the response has none. */
export async function fetchKeys(url: string, signal: AbortSignal): Promise<{ status: number; keys: IssuerKey[] }> {
  const target = { action: 'GET', resource: url, variable: 'COGNITO_USER_POOL_ID' }
  const { status, text } = await fetchText(url, { signal }, target)
  const keys = parseJsonObject(text)?.keys
  return { status, keys: status === 200 && Array.isArray(keys) ? keys : [] }
}

export interface UnverifiedToken {
  kid: unknown
  claims: Record<string, unknown>
}

/** Decodes a token without verifying it. Returns undefined if it is not a JWT. */
export function decodeToken(token: string): UnverifiedToken | undefined {
  const [header, claims] = token.split('.', 2).map(part => parseJsonObject(Buffer.from(part, 'base64url').toString()))
  return header && claims ? { kid: header.kid, claims } : undefined
}

/** Returns true if the key has signed the token by RS256, the only algorithm that Cognito uses. */
export function isSignedBy(token: string, key: IssuerKey): boolean {
  const end = token.lastIndexOf('.')
  const signature = Buffer.from(token.slice(end + 1), 'base64url')
  return verify('RSA-SHA256', Buffer.from(token.slice(0, end)), createPublicKey({ key, format: 'jwk' }), signature)
}
