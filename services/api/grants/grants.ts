import type { S3Client } from '@aws-sdk/client-s3'
import { ClientGoneError, cleanUp } from '../../platform/deadline.ts'
import type { Logger } from '../../platform/log.ts'
import type { PartsArrival, PendingRecord } from '../../uploads/pending/pending.ts'
import { isPending, type UploadRecord } from '../../uploads/records/record.ts'
import type { UploadKey } from '../../uploads/records/store.ts'
import type { TypeInspector } from '../content/inspect-type.ts'
import { type FinishUploadDeps, finishUpload } from '../pending/finish-upload.ts'
import {
  chargeReservation,
  type Reservation,
  type ReservationRequest,
  type ReservationRules,
  reserveUpload,
} from '../pending/reservation.ts'
import type { Quotas } from '../policies/quotas.ts'
import type { Multipart } from './multipart.ts'
import { type PlannedPart, plannedParts } from './plan.ts'
import { type PresignedRequest, presignPart, presignPut } from './presign.ts'

type Log = Pick<Logger, 'warn' | 'error'>

/** A pending upload with presigned requests to S3: one for the whole file, or one for each part that S3 does not have yet. */
export type Grant = { upload: PendingRecord /** ISO 8601, UTC. */; urlsExpireAt: string } & (
  | { put: PresignedRequest }
  | { parts: Array<PlannedPart & PresignedRequest> }
)

export interface GrantsDeps extends Omit<FinishUploadDeps, 'inspector'> {
  rules: ReservationRules
  quotas: Pick<Quotas, 'charge' | 'refund'>
  multipart: Multipart
  /** Signs the URLs. */
  signer: S3Client
  /** A file above this size is sent in parts, in bytes. */
  partsAboveBytes: number
  urlSeconds: number
}

export class Grants {
  readonly #deps: GrantsDeps
  /** The calls of `complete` in flight, by upload. A client may time out while S3 joins the parts. Its retry joins the running call. */
  readonly #completing = new Map<string, Promise<UploadRecord | undefined>>()

  constructor(deps: GrantsDeps) {
    this.#deps = deps
  }

  /** @throws InvalidFilenameError, InvalidContentTypeError, PayloadTooLargeError before anything is written */
  async create(request: ReservationRequest, log: Log): Promise<Grant> {
    const planned = reserveUpload(this.#deps.rules, request)
    return chargeReservation(this.#deps, planned, request.limits, log, charged => this.#reserve(charged, log))
  }

  async #reserve(reservation: Reservation, log: Log): Promise<Grant> {
    const { pending, multipart, partsAboveBytes } = this.#deps
    if (reservation.size <= partsAboveBytes) {
      const upload: PendingRecord = { ...reservation, arrival: { way: 'put' } }
      await pending.create(upload)
      return this.#sign(upload, [])
    }
    const upload = { ...reservation, arrival: await multipart.start(reservation) }
    try {
      await pending.create(upload)
    } catch (error) {
      await cleanUp(() => multipart.abort(upload)).catch((err: unknown) => {
        log.error({ err, key: upload.key }, 'a multipart upload without a record could not be aborted')
      })
      throw error
    }
    return this.#sign(upload, plannedParts({ size: upload.size, partBytes: upload.arrival.partBytes }))
  }

  /** Returns new URLs for the missing bytes. Resolves to undefined if this owner has no such pending upload. */
  async renew(key: UploadKey): Promise<Grant | undefined> {
    const found = await this.#find(key)
    if (!found || !isPending(found)) return undefined
    return this.#sign(found, isParts(found) ? await this.#deps.multipart.missing(found) : [])
  }

  /**
   * Accepts an upload whose bytes have arrived. May be repeated, with the same result. Resolves to undefined if this owner has no
   * such upload.
   *
   * @param inspector accepts the types that the client may upload
   * @throws NotArrivedError, ArrivalRefusedError, ProblemError
   */
  async complete(key: UploadKey, log: Log, inspector: TypeInspector): Promise<UploadRecord | undefined> {
    const found = await this.#find(key)
    if (!found || !isPending(found)) return found
    const name = `${found.owner}/${found.uploadId}`
    const running = this.#completing.get(name)
    // The running call ends by itself if it makes no progress, so this wait is bound too.
    if (running !== undefined) {
      return running.catch(error => {
        // The client of the running call has disconnected. This call takes over.
        if (error instanceof ClientGoneError) return this.complete(key, log, inspector)
        throw error
      })
    }
    const completing = this.#finish(found, log, inspector).finally(() => this.#completing.delete(name))
    this.#completing.set(name, completing)
    return completing
  }

  async #finish(upload: PendingRecord, log: Log, inspector: TypeInspector): Promise<UploadRecord | undefined> {
    if (isParts(upload)) await this.#deps.multipart.complete(upload)
    return finishUpload({ ...this.#deps, inspector }, upload, log)
  }

  async #sign(upload: PendingRecord, parts: readonly PlannedPart[]): Promise<Grant> {
    const { signer, urlSeconds } = this.#deps
    const now = Date.now()
    // A URL expires no later than the upload, because what arrives after the sweep would never be removed.
    const secondsLeft = Math.floor((Date.parse(upload.expiresAt) - now) / 1_000)
    const seconds = Math.max(1, Math.min(urlSeconds, secondsLeft))
    const urlsExpireAt = new Date(now + seconds * 1_000).toISOString()
    if (!isParts(upload)) return { upload, urlsExpireAt, put: await presignPut(signer, upload, seconds) }
    const signed = parts.map(async part => ({ ...part, ...(await presignPart(signer, upload, part, seconds)) }))
    return { upload, urlsExpireAt, parts: await Promise.all(signed) }
  }

  /** Finds a pending upload of a grant that has not expired, or an accepted upload of any kind. */
  async #find(key: UploadKey): Promise<PendingRecord | UploadRecord | undefined> {
    const found = await this.#deps.pending.get(key)
    if (!found || !isPending(found)) return found
    return found.arrival.way === 'tus' || Date.parse(found.expiresAt) <= Date.now() ? undefined : found
  }
}

function isParts(upload: PendingRecord): upload is PendingRecord<PartsArrival> {
  return upload.arrival.way === 'parts'
}
