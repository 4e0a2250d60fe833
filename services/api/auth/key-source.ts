import { setTimeout as delay } from 'node:timers/promises'
import { KeysUnavailableError, UnknownKeyError } from './errors.ts'
import { fetchKeySet, type KeySet } from './key-set.ts'

/** The public keys of one issuer. */
export interface KeySource {
  /**
   * Returns the key with this id, as PEM.
   *
   * @throws UnknownKeyError if a key set that was fetched after the call has no such key
   * @throws KeysUnavailableError if that could not be found out, and the key is not known from before
   */
  find(kid: string): Promise<string>
}

export interface KeySourceSettings {
  /** The `iss` of the tokens. Keys are asked for here and nowhere else, whatever a token says. */
  issuer: string
  /** How long the issuer may take, in milliseconds. */
  timeoutMs?: number
  /** How long a key set is used before the issuer is asked again, in milliseconds: so long a key outlives its withdrawal. */
  freshMs?: number
  /** Minimum time from the beginning of one fetch to the beginning of the next, in milliseconds. */
  pauseMs?: number
  /** How long a `kid` that the issuer does not have is refused without a new fetch, in milliseconds. */
  missMs?: number
  /** Maximum number of calls that wait for the issuer. */
  maxWaiting?: number
  now?: () => number
}

/** Maximum number of misses that are remembered. While so many are, every call for another unknown key waits for a fetch. */
const MAX_MISSES = 1_000

/**
 * Keeps the whole key set of the issuer. One fetch serves all calls that were made before it began, and fetches begin at most once
 * per `pauseMs`, whatever tokens ask for. A call for an unknown key waits for a fetch that begins after it: so a new key is found within
 * `pauseMs`, and no key is called unknown because of what somebody else has asked for. While the issuer does not answer, the last
 * key set stays in use.
 */
export function createKeySource(settings: KeySourceSettings): KeySource {
  const { issuer, timeoutMs = 3_000, freshMs = 300_000, pauseMs = 1_000, missMs = 2_000, maxWaiting = 2_000 } = settings
  const { now = () => performance.now() } = settings
  let keys: KeySet = new Map()
  let freshUntil = Number.NEGATIVE_INFINITY
  /** When each miss is forgotten, by `kid`. All are kept for the same time, so the first is the oldest. */
  const misses = new Map<string, number>()
  let round: Promise<void> | undefined
  let waiting = 0
  /** Counts the fetches that have begun. */
  let begun = 0
  /** The number of the last fetch that brought a key set. */
  let succeeded = 0
  /** Counts the fetches that have failed. */
  let failed = 0
  /** What was wrong with the last fetch; undefined after a success. */
  let failure: { error: unknown } | undefined
  let nextAt = Number.NEGATIVE_INFINITY

  /** Never rejects: the state above has the result. */
  async function fetchInTurn(): Promise<void> {
    const pause = nextAt - now()
    if (pause > 0) await delay(pause, undefined, { ref: false })
    const started = now()
    nextAt = started + pauseMs
    const number = ++begun
    try {
      keys = await fetchKeySet({ issuer, timeoutMs })
      freshUntil = started + freshMs
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
      const [begunBefore, failedBefore] = [begun, failed]
      for (;;) {
        const key = keys.get(kid)
        if (key !== undefined && now() < freshUntil) return key
        const isPausing = failure !== undefined && now() < nextAt
        if (key !== undefined) {
          // The request that begins the fetch waits for it, so that it ends on Lambda too. The others go on with the key that they have.
          if (isPausing || (failure && round !== undefined) || waiting >= maxWaiting) return key
        } else {
          const isMiss = succeeded > begunBefore
          if (isMiss) rememberMiss(kid)
          if (isMiss || isMissed(kid)) throw new UnknownKeyError(`${issuer} has no key ${JSON.stringify(kid)}.`)
          if (isPausing || failed > failedBefore) throw unavailable(`The key set of ${issuer} could not be fetched.`)
          if (waiting >= maxWaiting) throw unavailable(`${waiting} requests wait for the key set of ${issuer} already.`)
        }
        waiting++
        await refresh()
        waiting--
      }
    },
  }
}
