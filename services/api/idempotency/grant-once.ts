import { createHash } from 'node:crypto'
import { v7 as uuidv7 } from 'uuid'
import { cleanUp } from '../../platform/deadline.ts'
import type { Logger } from '../../platform/log.ts'
import { sortedPairs } from '../../uploads/objects/client-metadata.ts'
import type { IdempotencyClaim, IdempotencyStore } from '../../uploads/records/idempotency-store.ts'
import type { Grant, Grants } from '../grants/grants.ts'
import type { ReservationRequest } from '../pending/reservation.ts'
import { ProblemError } from '../problems/problem.ts'
import { keyInUse, keyReused } from './hold-claim.ts'

export interface GrantOnceDeps {
  idempotency: Pick<IdempotencyStore, 'claim' | 'complete' | 'release' | 'abandon'>
  grants: Pick<Grants, 'create' | 'renew'>
}

type Log = Pick<Logger, 'warn' | 'error'>

/**
 * Grants an upload once, however often the grant is requested with the same key. Only the upload id is stored, never a URL. A repeated
 * request gets new URLs for the same upload, for the parts that are still missing.
 *
 * If a process crashes, its claim expires. The next attempt uses the same upload id: it finds the reservation or makes it.
 *
 * @returns the grant, and whether an earlier request created it
 */
export async function grantOnce(
  deps: GrantOnceDeps,
  request: ReservationRequest,
  key: string,
  log: Log,
): Promise<{ grant: Grant; isReplay: boolean }> {
  const { owner } = request
  const fingerprint = fingerprintOf(request)
  const result = await deps.idempotency.claim({ owner, key }, { fingerprint, uploadId: uuidv7() })
  if ('claim' in result) {
    const grant = await attempt(deps, result.claim, request, log)
    const done = { payload: fingerprint, answer: JSON.stringify({ uploadId: grant.upload.uploadId }) }
    await deps.idempotency.complete(result.claim, done).catch((err: unknown) => {
      log.error({ err }, 'the response to an idempotent request could not be stored: its key will expire')
    })
    return { grant, isReplay: false }
  }
  const { entry } = result
  if (entry.fingerprint !== fingerprint) throw keyReused()
  if (entry.answer === undefined) throw keyInUse()
  const grant = await deps.grants.renew({ owner, uploadId: entry.uploadId })
  if (!grant) throw grantOver(entry.uploadId)
  return { grant, isReplay: true }
}

async function attempt(
  { idempotency, grants }: GrantOnceDeps,
  claim: IdempotencyClaim,
  request: ReservationRequest,
  log: Log,
) {
  const { owner, uploadId, isRetry } = claim
  try {
    const earlier = isRetry ? await grants.renew({ owner, uploadId }) : undefined
    return earlier ?? (await grants.create({ ...request, uploadId }, log))
  } catch (error) {
    // A retried claim may have a reservation of an earlier attempt. The next attempt must find it, so the claim keeps its id.
    await cleanUp(() => (isRetry ? idempotency.abandon(claim) : idempotency.release(claim))).catch((err: unknown) => {
      log.warn({ err }, 'an idempotency key could not be released: it will expire')
    })
    throw error
  }
}

function grantOver(uploadId: string): ProblemError {
  const detail = `The upload that was granted with this Idempotency-Key has arrived or has expired: see /uploads/${uploadId}. Use a new key for a new upload.`
  return new ProblemError('idempotency-key-reused', detail, { uploadId })
}

function fingerprintOf({ filename, contentType, metadata, size, sha256 }: ReservationRequest): string {
  const known = ['POST /uploads/grants', filename, contentType, size, sha256 ?? null]
  const request = metadata ? [...known, sortedPairs(metadata)] : known
  return createHash('sha256').update(JSON.stringify(request)).digest('hex')
}
