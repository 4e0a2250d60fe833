import { setTimeout as delay } from 'node:timers/promises'
import { KeysUnavailableError, UnknownKeyError } from './errors.ts'
import { fetchKeySet, type KeySet } from './key-set.ts'

/** The public keys of one issuer. */
export interface KeySource {
  /**
   * Returns the key with this id, as PEM.
   *
   * @throws UnknownKeyError if a key set that was fetched after the call has no such key
   * @throws KeysUnavailableError if no key set could be fetched, and the key is not in the last one
   */
  find(kid: string): Promise<string>
}

export interface KeySourceSettings {
  /** The `iss` of the tokens. */
  issuer: string
  /** Keys are fetched only from here, whatever a token says. @default `/.well-known/jwks.json` below the issuer */
  jwksUrl?: string
  /** Timeout of a fetch, in milliseconds. @default 3,000 */
  timeoutMs?: number
  /** How long a key set is used before it is fetched again, in milliseconds. A withdrawn key stays valid for that time. @default 300,000 */
  freshMs?: number
  /** Minimum time between the starts of two fetches, in milliseconds. @default 1,000 */
  pauseMs?: number
  /** How long an unknown `kid` is rejected without a new fetch, in milliseconds. @default 2,000 */
  missMs?: number
  /** Maximum number of calls that wait for the issuer. @default 2,000 */
  maxWaiting?: number
  now?: () => number
}

/** Maximum number of unknown keys that are remembered. A call for an unknown key that is not remembered waits for a fetch. */
const MAX_MISSES = 1_000

/**
 * Caches the key set of the issuer. A call for an unknown key waits for a fetch that starts after the call. At most one fetch starts per
 * `pauseMs`, and it serves every call that waits. So a new key is found within about `pauseMs`, and forged tokens cause neither more
 * fetches nor wrong rejections. While the issuer does not respond, the last key set stays in use.
 */
export function createKeySource(settings: KeySourceSettings): KeySource {
  const {
    issuer,
    jwksUrl = `${issuer}/.well-known/jwks.json`,
    timeoutMs = 3_000,
    freshMs = 300_000,
    pauseMs = 1_000,
    missMs = 2_000,
    maxWaiting = 2_000,
  } = settings
  const { now = () => performance.now() } = settings
  let keys: KeySet = new Map()
  let freshUntil = Number.NEGATIVE_INFINITY
  /** The time until which each unknown `kid` is remembered. All are remembered equally long, so the first is the oldest. */
  const misses = new Map<string, number>()
  let round: Promise<void> | undefined
  let waiting = 0
  /** Number of fetches that have started. */
  let started = 0
  /** Number of the last successful fetch. */
  let succeeded = 0
  /** Number of fetches that have failed. */
  let failed = 0
  /** The error of the last fetch. Undefined after a success. */
  let failure: { error: unknown } | undefined
  let nextAt = Number.NEGATIVE_INFINITY

  /** Never rejects. The variables above have the result. */
  async function fetchInTurn(): Promise<void> {
    const pause = nextAt - now()
    if (pause > 0) await delay(pause, undefined, { ref: false })
    const startedAt = now()
    nextAt = startedAt + pauseMs
    const number = ++started
    try {
      keys = await fetchKeySet({ issuer, jwksUrl, timeoutMs })
      freshUntil = startedAt + freshMs
      succeeded = number
      failure = undefined
    } catch (error) {
      failure = { error }
      failed++
      nextAt = now() + pauseMs
    }
  }

  function refresh(): Promise<void> {
    round ??= fetchInTurn().finally(() => {
      round = undefined
    })
    return round
  }

  function isMissed(kid: string): boolean {
    for (const [old, until] of misses) {
      if (now() < until) break
      misses.delete(old)
    }
    return misses.has(kid)
  }

  function rememberMiss(kid: string): void {
    if (misses.size < MAX_MISSES && !misses.has(kid)) misses.set(kid, now() + missMs)
  }

  function unavailable(message: string): KeysUnavailableError {
    return new KeysUnavailableError(message, { cause: failure?.error })
  }

  return {
    async find(kid) {
      const [startedBefore, failedBefore] = [started, failed]
      for (;;) {
        const key = keys.get(kid)
        if (key !== undefined && now() < freshUntil) return key
        const isPausing = failure !== undefined && now() < nextAt
        if (key !== undefined) {
          // The request that starts the fetch waits for it, because Lambda freezes a process without requests. While the issuer
          // fails, other requests use the cached key at once.
          if (isPausing || (failure && round !== undefined) || waiting >= maxWaiting) return key
        } else {
          const isMiss = succeeded > startedBefore
          if (isMiss) rememberMiss(kid)
          if (isMiss || isMissed(kid)) throw new UnknownKeyError(`${issuer} has no key ${JSON.stringify(kid)}.`)
          if (isPausing || failed > failedBefore) throw unavailable(`The key set of ${issuer} could not be fetched.`)
          if (waiting >= maxWaiting) throw unavailable(`${waiting} requests already wait for the key set of ${issuer}.`)
        }
        waiting++
        await refresh()
        waiting--
      }
    },
  }
}
