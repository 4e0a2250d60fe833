import type { Readable } from 'node:stream'
import { DataStore, ERRORS, Metadata, Upload } from '@tus/server'
import { cleanUp } from '../../platform/deadline.ts'
import type { Logger } from '../../platform/log.ts'
import type { BodyPace } from '../../platform/s3/body-pace.ts'
import type { TusArrival } from '../../uploads/pending/pending.ts'
import type { TusRecord } from '../../uploads/pending/tus-store.ts'
import { isPending, type PendingUpload, type UploadRecord } from '../../uploads/records/record.ts'
import { PayloadTooLargeError, type SizeLimit } from '../ingest/errors.ts'
import { cleanUpIfEnded, endPending } from '../pending/end-pending.ts'
import { chargeReservation, type Reservation, type ReservationRules } from '../pending/reservation.ts'
import { limitsOfReservation, type ReservationLimits } from '../policies/policies.ts'
import type { Quotas } from '../policies/quotas.ts'
import type { Checksum } from './checksum.ts'
import { UploadGoneError } from './errors.ts'
import { type FinishTusDeps, finishTus } from './finish-tus.ts'
import type { Acquired, HeldUpload, Locks } from './lock.ts'
import { isWhole, offsetOf, tusPartBytes } from './offset.ts'
import { writeParts } from './write-parts.ts'

/** What all requests share. */
export interface OwnUploadsDeps extends FinishTusDeps {
  locks: Locks
  rules: ReservationRules
  limits: ReservationLimits
  quotas: Pick<Quotas, 'charge' | 'chargeLength' | 'refund' | 'roomFor'>
}

/** One request of the protocol. */
export interface OwnUploadsRequest {
  owner: string
  checksum: Checksum | undefined
  /** Measures how fast the body arrives. Undefined if the request has no body. */
  pace: BodyPace | undefined
  /** The `Upload-Length` of the request, in bytes. */
  announcedLength: number | undefined
  log: Pick<Logger, 'warn' | 'error'>
}

/**
 * The store of @tus/server for one request. It has only the uploads of the request's owner, by their upload ids. Uploads of other
 * owners do not exist in it.
 */
export class OwnUploads extends DataStore {
  override extensions = [
    'creation',
    'creation-with-upload',
    'creation-defer-length',
    'expiration',
    'termination',
    'checksum',
  ]
  /** The upload that the request creates. Set before @tus/server calls `create`. */
  reservation: Reservation | undefined
  readonly #deps: OwnUploadsDeps
  readonly #request: OwnUploadsRequest
  #acquired: Acquired
  /** The write in flight. The lock is released after it. */
  #writing: Promise<unknown> = Promise.resolve()

  constructor(deps: OwnUploadsDeps, request: OwnUploadsRequest) {
    super()
    this.#deps = deps
    this.#request = request
  }

  /** Locks the upload. Calls `release` when another request wants it. */
  async lock(uploadId: string, signal: AbortSignal, release: () => void): Promise<void> {
    const { owner, log } = this.#request
    // No other request knows the upload that this request creates.
    if (this.reservation?.uploadId === uploadId) return
    this.#acquired = await this.#deps.locks.acquire({ owner, uploadId }, signal, log)
    this.#held?.release.addEventListener('abort', release, { once: true })
    if (this.#held?.release.aborted) release()
  }

  async unlock(): Promise<void> {
    await this.#writing.catch(() => undefined) // The caller of `write` gets the error.
    await this.#held?.unlock()
  }

  override async create(upload: Upload): Promise<Upload> {
    const { reservation } = this
    if (!reservation) throw new TypeError('The upload has no reservation.')
    const metadata = upload.metadata && Object.keys(upload.metadata).length > 0 && Metadata.stringify(upload.metadata)
    const { limits, pending } = this.#deps
    const arrival: TusArrival = {
      way: 'tus',
      partBytes: tusPartBytes(upload.sizeIsDeferred ? limits.maxBytes : reservation.size),
      etags: [],
      ...(upload.sizeIsDeferred && { length: 'deferred' }),
      ...(metadata && { metadata }),
    }
    await chargeReservation(this.#deps, reservation, limits, this.#request.log, charged =>
      pending.create({ ...charged, arrival }),
    )
    return Object.assign(upload, { creation_date: reservation.uploadedAt })
  }

  override async getUpload(uploadId: string): Promise<Upload> {
    const found = await this.#find(uploadId)
    if (!found) throw ERRORS.FILE_NOT_FOUND
    if (!isPending(found)) return toAcceptedUpload(found)
    // The last byte has arrived, but its request got no response. The full offset is reported only once the upload is accepted, because
    // a client that gets it sends no more requests.
    if (isWhole(found) && !isExpired(found)) {
      const record = await finishTus(this.#deps, found, this.#request.log)
      if (!record) throw ERRORS.FILE_NOT_FOUND
      return toAcceptedUpload(record)
    }
    return toPendingUpload(found, this.#deps.rules.lifetimeMs, this.#request.announcedLength)
  }

  /** Records the length of an upload that was created without it. The caller has compared it with the offset and the maximum. */
  override async declareUploadLength(_uploadId: string, size: number): Promise<void> {
    const held = this.#held
    if (!held) throw new TypeError('The length of an upload was announced without its lock.')
    const { record } = held
    if (record.arrival.length !== 'deferred') return
    const { quotas } = this.#deps
    const limits = limitsOfReservation(record, this.#deps.limits)
    if (size > limits.maxBytes) throw new PayloadTooLargeError('The file', limits)
    const { owner, uploadId, quotaDay } = record
    // The creation has charged an upload without bytes.
    if (quotaDay !== undefined) await quotas.chargeLength({ owner, uploadId, bytes: size, limits }, quotaDay)
    await held.write({ ...record.arrival, length: 'announced' }, size)
  }

  override async write(body: Readable, uploadId: string, offset: number): Promise<number> {
    const { owner, checksum, pace, log } = this.#request
    // The request creates an upload and sends its first bytes.
    if (this.reservation) this.#acquired = await this.#deps.locks.acquire({ owner, uploadId }, NEVER, log)
    const held = this.#held
    if (!held) return offset
    const { parts, buffers, digests } = this.#deps
    const limits = await this.#roomFor(held.record)
    const writing = writeParts(
      { parts, buffers, digests, cleanUpIfEnded: record => cleanUpIfEnded(this.#deps, record) },
      held,
      { bytes: body, pace, checksum, limits },
      log,
    )
    this.#writing = writing
    try {
      return await writing
    } catch (error) {
      if (error instanceof UploadGoneError) await endPending(this.#deps, { owner, uploadId })
      throw error
    }
  }

  /** Until the length of an upload is known, its quota bounds it while it grows. Other uploads have been charged. */
  async #roomFor(record: TusRecord): Promise<SizeLimit> {
    const { owner, arrival } = record
    const limits = limitsOfReservation(record, this.#deps.limits)
    if (!limits.quota || arrival.length !== 'deferred') return limits
    const { uploadsPerDay: _charged, ...quota } = limits.quota
    return this.#deps.quotas.roomFor(owner, { ...limits, quota }, { day: record.quotaDay })
  }

  override async remove(uploadId: string): Promise<void> {
    const { owner } = this.#request
    this.#deps.digests.drop(uploadId)
    if (!(await endPending(this.#deps, { owner, uploadId }))) throw ERRORS.FILE_NOT_FOUND
  }

  /**
   * Removes the upload that a failed request created. No client can continue it, because its location was not sent. If this fails
   * too, the sweep of pending uploads ends it.
   */
  async rollBack(): Promise<void> {
    const { reservation } = this
    if (!reservation) return
    const { owner, log } = this.#request
    await cleanUp(() => endPending(this.#deps, { owner, uploadId: reservation.uploadId })).catch((err: unknown) => {
      const { uploadId } = reservation
      log.warn({ err, uploadId }, 'an upload whose creation failed could not be removed: the sweep will end it')
    })
  }

  /** Finishes the upload after its last byte. */
  async finish(uploadId: string): Promise<UploadRecord | undefined> {
    const found = await this.#find(uploadId)
    return found && isPending(found) ? finishTus(this.#deps, found, this.#request.log) : found
  }

  override getExpiration(): number {
    return this.#deps.rules.lifetimeMs
  }

  get #held(): HeldUpload | undefined {
    return this.#acquired && 'record' in this.#acquired ? this.#acquired : undefined
  }

  async #find(uploadId: string): Promise<TusRecord | UploadRecord | undefined> {
    if (this.#held) return this.#held.record
    if (this.#acquired && 'accepted' in this.#acquired) return this.#acquired.accepted
    if (!this.reservation) return undefined
    const found = await this.#deps.pending.get({ owner: this.#request.owner, uploadId })
    return found as TusRecord | UploadRecord | undefined
  }
}

const NEVER = new AbortController().signal

function isExpired({ expiresAt }: PendingUpload): boolean {
  return Date.parse(expiresAt) <= Date.now()
}

/**
 * @param announced the `Upload-Length` of the request. A client whose request was lost announces the same length again. @tus/server
 * accepts a length only for an upload that has none
 */
function toPendingUpload(record: TusRecord, lifetimeMs: number, announced: number | undefined): Upload {
  const { uploadId, size, arrival, expiresAt } = record
  const isRepeated = arrival.length === 'announced' && announced === size
  return new Upload({
    id: uploadId,
    ...(arrival.length !== 'deferred' && !isRepeated && { size }),
    offset: offsetOf(record),
    ...(arrival.metadata !== undefined && { metadata: Metadata.parse(arrival.metadata) }),
    // @tus/server computes the expiry from the creation date.
    creation_date: new Date(Date.parse(expiresAt) - lifetimeMs).toISOString(),
  })
}

/** An accepted upload does not expire, so it has no creation date. */
function toAcceptedUpload({ uploadId, size, filename, filenameGenerated, contentType }: UploadRecord): Upload {
  const metadata = { ...(!filenameGenerated && { filename }), filetype: contentType }
  const upload = new Upload({ id: uploadId, size, offset: size, metadata })
  return Object.assign(upload, { creation_date: undefined })
}
