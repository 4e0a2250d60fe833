import { InvalidKeySetError } from './errors.ts'

/** The RS256 keys of an issuer, as PEM, by their `kid`. */
export type KeySet = ReadonlyMap<string, string>

export interface KeySetSettings {
  /** The `iss` of the tokens. */
  issuer: string
  jwksUrl: string
  /** Timeout for the whole response, in milliseconds. */
  timeoutMs: number
}

/** Maximum size of a JWKS document, in bytes. Cognito's has 1 KB, the largest issuers' some 20 KB. */
const MAX_BYTES = 256 * 1024
/** Maximum number of keys that are used. Issuers have two or three. */
const MAX_KEYS = 64
const MAX_REDIRECTS = 3

/**
 * Fetches the whole key set of the issuer, and follows redirects only within the origin of its URL.
 *
 * get-jwks fetches the set for one `kid`, drops the other keys, and does not limit the size of the response. So the set is fetched here
 * and put into the cache of get-jwks, which only selects and converts a key.
 *
 * @throws InvalidKeySetError if the response has no usable key, and what `fetch` throws
 */
export async function fetchKeySet({ issuer, jwksUrl, timeoutMs }: KeySetSettings): Promise<KeySet> {
  const signal = AbortSignal.timeout(timeoutMs)
  const response = await followWithinOrigin(new URL(jwksUrl), signal)
  if (!response.ok) {
    await response.body?.cancel()
    throw new InvalidKeySetError(`The request for the key set of ${issuer} failed with status ${response.status}.`)
  }
  return toKeySet(issuer, parseKeys(issuer, await readText(response)))
}

async function followWithinOrigin(first: URL, signal: AbortSignal): Promise<Response> {
  let url = first
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    const response = await fetch(url, { redirect: 'manual', signal, headers: { accept: 'application/json' } })
    const location = response.headers.get('location')
    if (response.status < 300 || response.status > 399 || location === null) return response
    await response.body?.cancel()
    const next = new URL(location, url)
    if (next.origin !== first.origin) {
      throw new InvalidKeySetError(
        `${url} redirects to another origin: ${next.origin}. Keys are only read from the configured origin.`,
      )
    }
    url = next
  }
  throw new InvalidKeySetError(`${first} redirects more than ${MAX_REDIRECTS} times.`)
}

async function readText({ body, url }: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of body ?? []) {
    bytes += chunk.byteLength
    // Leaving the loop cancels the body, and closes its connection.
    if (bytes > MAX_BYTES) throw new InvalidKeySetError(`The key set at ${url} has more than ${MAX_BYTES} bytes.`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

interface SigningJwk extends Record<string, unknown> {
  kid: string
}

function parseKeys(issuer: string, text: string): SigningJwk[] {
  let document: unknown
  try {
    document = JSON.parse(text)
  } catch (cause) {
    throw new InvalidKeySetError(`The key set of ${issuer} is not JSON.`, { cause })
  }
  const keys = typeof document === 'object' && document !== null && 'keys' in document ? document.keys : undefined
  const usable = Array.isArray(keys) ? keys.filter(isSigningJwk).slice(0, MAX_KEYS) : []
  if (usable.length === 0) throw new InvalidKeySetError(`The key set of ${issuer} has no key for RS256.`)
  return usable
}

function isSigningJwk(key: unknown): key is SigningJwk {
  if (typeof key !== 'object' || key === null) return false
  const { kid, kty, alg = 'RS256', use = 'sig' } = key as Record<string, unknown>
  return typeof kid === 'string' && kty === 'RSA' && alg === 'RS256' && use === 'sig'
}

async function toKeySet(issuer: string, keys: readonly SigningJwk[]): Promise<KeySet> {
  const { default: buildGetJwks } = await import('get-jwks')
  const getJwks = buildGetJwks({
    issuersWhitelist: [issuer],
    max: MAX_KEYS,
    // get-jwks finds every key in its cache. A request of its own would fail at once.
    fetchOptions: { signal: AbortSignal.abort() },
  })
  const set = new Map<string, string>()
  let failure: unknown
  for (const key of keys) {
    const { kid } = key
    if (set.has(kid)) continue
    try {
      const name = getJwks.generateCacheKey('RS256', kid, `${issuer}/`)
      getJwks.cache.set(name, { ...key, alg: 'RS256', domain: issuer })
      set.set(kid, await getJwks.getPublicKey({ domain: issuer, alg: 'RS256', kid }))
    } catch (error) {
      // The other keys may still be valid.
      failure = error
    }
  }
  if (set.size === 0) throw new InvalidKeySetError(`The key set of ${issuer} has no valid key.`, { cause: failure })
  return set
}
