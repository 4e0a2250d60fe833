import type { Logger } from '../../platform/log.ts'
import type { IdempotencyClaim, IdempotencyStore } from '../../uploads/records/idempotency-store.ts'
import { ProblemError } from '../problems/problem.ts'

/** Renews the claim of an attempt while the attempt is in flight. */
export interface Hold {
  /** Aborts, with the error for the client, as soon as another attempt may have taken the claim over. */
  signal: AbortSignal
  /** Renews the claim before anything is recorded. @throws ProblemError if another attempt has taken the claim over */
  confirm(): Promise<void>
  /** Stops the renewals. The claim stays as it is. */
  end(): void
}

export interface HoldClaimDeps {
  idempotency: Pick<IdempotencyStore, 'extend'>
  /** How long a claim is valid without a renewal, in milliseconds. The same as in the store. */
  claimMs: number
}

/**
 * Renews a claim every third of its lifetime, because an upload may take hours. Gives up before the claim expires, so this attempt
 * has stopped writing when another attempt takes the claim over.
 */
export function holdClaim(
  { idempotency, claimMs }: HoldClaimDeps,
  claim: IdempotencyClaim,
  log: Pick<Logger, 'warn'>,
): Hold {
  const lost = new AbortController()
  let next = setTimeout(() => void renew(), claimMs / 3)
  let end = setTimeout(giveUp, claimMs - claimMs / 6)

  function giveUp(): void {
    const detail = 'The Idempotency-Key could not be renewed while the request ran. Nothing was accepted. Try again.'
    lost.abort(new ProblemError('unavailable', detail, { headers: { 'retry-after': '5' } }))
  }

  function stop(): void {
    clearTimeout(next)
    clearTimeout(end)
  }

  /** @throws ProblemError if another attempt has taken the claim over */
  async function extend(): Promise<void> {
    const startedAt = performance.now()
    if (!(await idempotency.extend(claim))) throw keyInUse()
    clearTimeout(end)
    // The claim counts from the start of the request, because the response may have been slow.
    end = setTimeout(giveUp, claimMs - claimMs / 6 - (performance.now() - startedAt))
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

/** The problem for a request whose key belongs to a request in flight. */
export function keyInUse(): ProblemError {
  const detail = 'Another request with this Idempotency-Key is still in flight. Retry when it has been answered.'
  return new ProblemError('idempotency-key-in-use', detail, { headers: { 'retry-after': '5' } })
}

/** The problem for a request whose key belongs to a different request. */
export function keyReused(): ProblemError {
  const detail = 'This Idempotency-Key was already used for a different request. Use a new key for a new request.'
  return new ProblemError('idempotency-key-reused', detail)
}
