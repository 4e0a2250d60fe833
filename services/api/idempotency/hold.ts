import type { Logger } from '../../platform/log.ts'
import type { IdempotencyClaim, IdempotencyStore } from '../../uploads/records/idempotency-store.ts'
import { ProblemError } from '../problems/problem.ts'

/** An attempt's hold on its key, for as long as the attempt is under way. */
export interface Hold {
  /** Fires, with the error for the client, when the key may be another attempt's. */
  signal: AbortSignal
  /** Makes sure of the key before anything is recorded. @throws ProblemError where it is another's */
  confirm(): Promise<void>
  /** Ends the renewals. The key is as it was. */
  end(): void
}

export interface HoldSettings {
  store: Pick<IdempotencyStore, 'extend'>
  /** As the store has it: how long a claim stands without being renewed, in milliseconds. */
  claimMs: number
  log: Pick<Logger, 'warn'>
}

/**
 * Renews a claim three times in its life, since an upload may take hours, and gives up before the claim runs out: whoever
 * takes it over must not find this attempt still writing.
 */
export function holdClaim(claim: IdempotencyClaim, { store, claimMs, log }: HoldSettings): Hold {
  const lost = new AbortController()
  let next = setTimeout(() => void renew(), claimMs / 3)
  let end = setTimeout(giveUp, claimMs - claimMs / 6)

  function giveUp(): void {
    const detail = 'The Idempotency-Key could not be held on to. Nothing was accepted; try again.'
    lost.abort(new ProblemError('unavailable', detail, { headers: { 'retry-after': '5' } }))
  }

  function stop(): void {
    clearTimeout(next)
    clearTimeout(end)
  }

  /** @throws ProblemError where the key is another's */
  async function extend(): Promise<void> {
    const asked = performance.now()
    if (!(await store.extend(claim))) throw inUse()
    clearTimeout(end)
    // From when it was asked: the reply may have taken its time.
    end = setTimeout(giveUp, claimMs - claimMs / 6 - (performance.now() - asked))
  }

  async function renew(): Promise<void> {
    try {
      await extend()
    } catch (err) {
      if (err instanceof ProblemError) lost.abort(err)
      else log.warn({ err }, 'an idempotency key could not be renewed')
    }
    if (isOver || lost.signal.aborted) stop()
    else next = setTimeout(() => void renew(), claimMs / 3)
  }

  let isOver = false

  return {
    signal: lost.signal,
    async confirm() {
      lost.signal.throwIfAborted()
      await extend()
    },
    end() {
      isOver = true
      stop()
    },
  }
}

/** Another request with the key is under way. */
export function inUse(): ProblemError {
  const detail = 'A request with this Idempotency-Key is under way. Ask again when it has been answered.'
  return new ProblemError('idempotency-key-in-use', detail, { headers: { 'retry-after': '5' } })
}
