import { KeysUnavailableError, UnknownKeyError } from './errors.ts'

/** The public keys of one issuer. */
export interface KeySource {
  /**
   * The key with this id, as PEM.
   *
   * @throws UnknownKeyError where the issuer has no such key
   * @throws KeysUnavailableError where the issuer could not be asked, and the key is not known from before
   */
  find(kid: string): Promise<string>
}

export interface KeySourceSettings {
  /** The `iss` of the tokens. Keys are asked for here and nowhere else, whatever a token says. */
  issuer: string
  /** How long the issuer may take, in milliseconds. */
  timeoutMs?: number
  /** How long a key is used before the issuer is asked again whether it still has it, in milliseconds: so long it outlives its withdrawal. */
  freshMs?: number
  /** How long after an unknown key id the issuer is not asked for another, in milliseconds. */
  missPauseMs?: number
  /** How long after a failure the issuer is not asked at all, in milliseconds. */
  failurePauseMs?: number
  now?: () => number
}

interface KnownKey {
  pem: string
  freshUntil: number
}

/** An issuer has two or three keys at a time. The bound is for one that rotates for ever. */
const MAX_KEYS = 64

/**
 * Asks the issuer by get-jwks and remembers here, since get-jwks itself waits without end, asks again for every unknown
 * id and forgets good keys in an outage. One request is under way at most; an unknown id costs one request and then, for a
 * pause, none; a key once good stays so while the issuer does not answer, and is dropped once it answers without it.
 */
export function createKeySource(settings: KeySourceSettings): KeySource {
  const { issuer, timeoutMs = 3_000, freshMs = 300_000, missPauseMs = 5_000, failurePauseMs = 5_000 } = settings
  const { now = () => performance.now() } = settings
  const known = new Map<string, KnownKey>()
  let underWay: Promise<void> | undefined
  let missUntil = Number.NEGATIVE_INFINITY
  let failedUntil = Number.NEGATIVE_INFINITY
  let lastFailure: unknown

  /** Never rejects: what came of it is in the state above. */
  async function ask(kid: string): Promise<void> {
    try {
      const { default: buildGetJwks } = await import('get-jwks')
      // A new one each time, for its caches: they hold on to a request that hangs, and give a key that was taken back once more.
      const getJwks = buildGetJwks({ issuersWhitelist: [issuer] })
      const asked = getJwks.getPublicKey({ domain: issuer, alg: 'RS256', kid })
      remember(kid, await within(timeoutMs, asked))
    } catch (error) {
      if (isMiss(error)) {
        known.delete(kid)
        missUntil = now() + missPauseMs
      } else {
        lastFailure = error
        failedUntil = now() + failurePauseMs
      }
    }
  }

  function remember(kid: string, pem: string): void {
    const [oldest] = known.keys()
    if (known.size >= MAX_KEYS && oldest !== undefined) known.delete(oldest)
    known.delete(kid)
    known.set(kid, { pem, freshUntil: now() + freshMs })
  }

  return {
    async find(kid) {
      for (;;) {
        const key = known.get(kid)
        if (key && now() < key.freshUntil) return key.pem
        if (now() < failedUntil) {
          if (key) return key.pem
          throw new KeysUnavailableError(`The keys of ${issuer} cannot be had.`, { cause: lastFailure })
        }
        if (!key && now() < missUntil) throw new UnknownKeyError(`${issuer} has no key ${JSON.stringify(kid)}.`)
        underWay ??= ask(kid).finally(() => {
          underWay = undefined
        })
        await underWay
      }
    },
  }
}

function isMiss(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'JWK_NOT_FOUND'
}

async function within<T>(timeoutMs: number, work: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(`No answer within ${timeoutMs} ms.`)), timeoutMs)
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
