import { createHash } from 'node:crypto'
import { v7 as uuidv7 } from 'uuid'
import { settle } from '../../platform/deadline.ts'
import type { Logger } from '../../platform/log.ts'
import type { IdempotencyClaim, IdempotencyStore } from '../../uploads/records/idempotency-store.ts'
import type { Grant, Grants } from '../grants/grants.ts'
import type { Announced } from '../pending/reservation.ts'
import { ProblemError } from '../problems/problem.ts'
import { inUse } from './hold.ts'
import { reused } from './idempotency.ts'

export interface GrantOnceSettings {
  store: Pick<IdempotencyStore, 'claim' | 'complete' | 'release' | 'abandon'>
  grants: Pick<Grants, 'create' | 'renew'>
}

/** Grants an upload once, however often it is asked for with the same key. `isReplay`: it was granted before. */
export type GrantOnce = (
  announced: Announced,
  key: string,
  log: Pick<Logger, 'warn' | 'error'>,
) => Promise<{ grant: Grant; isReplay: boolean }>

/**
 * What is kept of a grant is which upload it was for, and never its URLs: who asks again gets the same upload with URLs that are
 * signed anew, of what is missing still.
 *
 * An attempt that dies leaves its claim to run out. The next goes on with the same id: the promise is there, or it is made then.
 */
export function createGrantOnce({ store, grants }: GrantOnceSettings): GrantOnce {
  async function attempt(claim: IdempotencyClaim, announced: Announced, log: Pick<Logger, 'warn' | 'error'>) {
    const { owner, uploadId, isRetry } = claim
    try {
      const before = isRetry ? await grants.renew({ owner, uploadId }) : undefined
      return before ?? (await grants.create({ ...announced, uploadId }, log))
    } catch (error) {
      // Of an attempt that was taken over something may be there: the next must find it.
      await settle(() => (isRetry ? store.abandon(claim) : store.release(claim))).catch((err: unknown) => {
        log.warn({ err }, 'an idempotency key could not be let go, and runs out')
      })
      throw error
    }
  }

  return async (announced, key, log) => {
    const { owner } = announced
    const fingerprint = fingerprintOf(announced)
    const result = await store.claim({ owner, key }, { fingerprint, uploadId: uuidv7() })
    if ('claim' in result) {
      const grant = await attempt(result.claim, announced, log)
      const done = { payload: fingerprint, answer: JSON.stringify({ uploadId: grant.upload.uploadId }) }
      await store.complete(result.claim, done).catch((err: unknown) => {
        log.error({ err }, 'the answer to an idempotent request could not be kept: its key runs out')
      })
      return { grant, isReplay: false }
    }
    const { entry } = result
    if (entry.fingerprint !== fingerprint) throw reused()
    if (entry.answer === undefined) throw inUse()
    const grant = await grants.renew({ owner, uploadId: entry.uploadId })
    if (!grant) throw over(entry.uploadId)
    return { grant, isReplay: true }
  }
}

function over(uploadId: string): ProblemError {
  const detail = `What was granted with this Idempotency-Key has arrived or was given up: see /uploads/${uploadId}. Take a new key for a new upload.`
  return new ProblemError('idempotency-key-reused', detail)
}

function fingerprintOf({ filename, contentType, size, sha256 }: Announced): string {
  const request = ['POST /uploads/grants', filename, contentType, size, sha256 ?? null]
  return createHash('sha256').update(JSON.stringify(request)).digest('hex')
}
