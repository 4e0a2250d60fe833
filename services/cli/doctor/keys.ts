import type { JsonWebKey } from 'node:crypto'
import { fetchText, parseJsonObject } from './http.ts'

export type IssuerKey = JsonWebKey & { kid?: string }

/** The keys of an issuer, as the api asks for them. None where the answer has none. */
export async function fetchKeys(issuer: string, signal: AbortSignal): Promise<{ status: number; keys: IssuerKey[] }> {
  const url = `${issuer}/.well-known/jwks.json`
  const asked = { action: 'GET', resource: url, variable: 'COGNITO_USER_POOL_ID' }
  const { status, text } = await fetchText(url, { signal }, asked)
  const keys = parseJsonObject(text)?.keys
  return { status, keys: status === 200 && Array.isArray(keys) ? keys : [] }
}
