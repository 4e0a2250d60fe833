import { v7 as uuidv7 } from 'uuid'
import { cleanUp } from '../../platform/deadline.ts'
import type { Logger } from '../../platform/log.ts'
import type { ClientMetadata } from '../../uploads/objects/client-metadata.ts'
import { checkFilename } from '../../uploads/objects/filename.ts'
import { uploadKey } from '../../uploads/objects/keys.ts'
import { toObjectMetadata } from '../../uploads/objects/metadata.ts'
import type { PendingRecord } from '../../uploads/pending/pending.ts'
import type { PendingStore } from '../../uploads/pending/pending-store.ts'
import { checkContentType } from '../ingest/content-type.ts'
import { PayloadTooLargeError } from '../ingest/errors.ts'
import { type ReservationLimits, toReserved } from '../policies/policies.ts'
import type { ChargedUpload, Quotas } from '../policies/quotas.ts'

/** What a client announces about the file that it is going to upload. */
export interface ReservationRequest {
  owner: string
  filename: string
  /** True if the client gave no name and `filename` was generated. */
  filenameGenerated?: boolean | undefined
  contentType: string
  /** What the client says about its file. */
  metadata?: ClientMetadata | undefined
  /** Bytes. */
  size: number
  /** Lower-case hex. */
  sha256?: string | undefined
  /** @default a new UUIDv7 */
  uploadId?: string | undefined
  requestId: string
  limits: ReservationLimits
}

/** A pending upload before it is decided how its bytes arrive. */
export type Reservation = Omit<PendingRecord, 'arrival'>

export interface ReservationRules {
  bucket: string
  keyTemplate: string
  /** How long a reservation is valid, in milliseconds. */
  lifetimeMs: number
}

export interface ChargeReservationDeps {
  quotas: Pick<Quotas, 'charge' | 'refund'>
  pending: Pick<PendingStore, 'end'>
}

/**
 * Charges a reservation to the quota of its owner, records it, and gives the charge back if that fails. Without a quota, only records it.
 *
 * @param start records the reservation with its `quotaDay`
 * @throws ProblemError, PayloadTooLargeError if the quota has no room
 */
export async function chargeReservation<T>(
  { quotas, pending }: ChargeReservationDeps,
  reservation: Reservation,
  limits: ReservationRequest['limits'],
  log: Pick<Logger, 'warn'>,
  start: (charged: Reservation) => Promise<T>,
): Promise<T> {
  const upload = { ...reservation, bytes: reservation.size, limits }
  const quotaDay = await quotas.charge(upload)
  if (quotaDay === undefined) return start(reservation)
  try {
    return await start({ ...reservation, quotaDay })
  } catch (error) {
    await giveBack({ quotas, pending }, upload, quotaDay, log)
    throw error
  }
}

/**
 * A write that failed may still have reached DynamoDB. To end such a reservation gives its charge back. If it is unknown whether it exists,
 * the charge stays, because the sweep of pending uploads gives it back.
 */
async function giveBack(
  { quotas, pending }: ChargeReservationDeps,
  upload: ChargedUpload,
  quotaDay: string,
  log: Pick<Logger, 'warn'>,
): Promise<void> {
  const { uploadId } = upload
  try {
    if (await cleanUp(() => pending.end(upload))) return
  } catch (err) {
    log.warn({ err, uploadId }, 'a reservation that failed could not be ended: the sweep will end it')
    return
  }
  await quotas.refund(upload, quotaDay, log)
}

/**
 * Checks what a client announces by the rules for every upload, and assigns an id and a key.
 *
 * @throws InvalidFilenameError, InvalidContentTypeError, PayloadTooLargeError
 */
export function reserveUpload(
  { bucket, keyTemplate, lifetimeMs }: ReservationRules,
  request: ReservationRequest,
): Reservation {
  const { owner, contentType, metadata, size, sha256, uploadId = uuidv7(), requestId, limits } = request
  if (size > limits.maxBytes) throw new PayloadTooLargeError('The file', limits)
  const filename = checkFilename(request.filename)
  const reserved = toReserved(limits)
  const now = Date.now()
  const uploadedAt = new Date(now).toISOString()
  const reservation: Reservation = {
    owner,
    uploadId,
    bucket,
    key: uploadKey(keyTemplate, { owner, uploadId, filename, prefix: limits.keyPrefix }),
    filename,
    ...(request.filenameGenerated && { filenameGenerated: true }),
    contentType: checkContentType(contentType),
    ...(metadata && { metadata }),
    size,
    ...(sha256 !== undefined && { sha256 }),
    status: 'pending',
    uploadedAt,
    updatedAt: uploadedAt,
    expiresAt: new Date(now + lifetimeMs).toISOString(),
    requestId,
    ...(reserved && { limits: reserved }),
  }
  // Fails now if the metadata does not fit into an object.
  if (metadata) toObjectMetadata(reservation)
  return reservation
}
