import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  ListPartsCommand,
  type ListPartsCommandOutput,
  type S3Client,
} from '@aws-sdk/client-s3'
import { pages } from '../../platform/pages.ts'
import { isOwnKey } from '../../uploads/objects/keys.ts'
import { toObjectMetadata } from '../../uploads/objects/metadata.ts'
import type { PartsArrival, PendingRecord } from '../../uploads/pending/pending.ts'
import { NotArrivedError } from '../pending/errors.ts'
import type { Reservation } from '../pending/reservation.ts'
import { isMissing } from '../pending/verify-object.ts'
import { missingParts, type PlannedPart, partBytesFor, plannedParts } from './plan.ts'

export type PartsUpload = PendingRecord<PartsArrival>

/** Multipart uploads whose parts are sent by clients. Only parts that S3 lists count as arrived, whatever the client says. */
export interface Multipart {
  start(reservation: Reservation): Promise<PartsArrival>
  abort(upload: PartsUpload): Promise<void>
  /** Returns the parts that S3 does not have in their planned size. Empty if the multipart upload no longer exists. */
  missing(upload: PartsUpload, signal?: AbortSignal): Promise<PlannedPart[]>
  /**
   * Makes the object from the parts, unless that is done already.
   *
   * @param signal stops the listing of parts
   * @throws NotArrivedError if parts are missing
   */
  complete(upload: PartsUpload, signal?: AbortSignal): Promise<void>
}

/** Another call completes the upload at the same time, or has completed it. The check of the object shows the result. */
const CONCURRENT_COMPLETION = new Set(['PreconditionFailed', 'ConditionalRequestConflict'])

/** S3 lists 1,000 parts a page, and an upload has at most 10,000 parts. Other servers may have smaller pages. */
const MAX_PAGES = 100

export function createMultipart(s3: S3Client): Multipart {
  const uploadOf = ({ bucket, key, arrival }: PartsUpload) => ({
    Bucket: bucket,
    Key: key,
    UploadId: arrival.multipartId,
  })

  /** Resolves to undefined if the multipart upload no longer exists. Most likely it was completed. */
  async function list(upload: PartsUpload, signal: AbortSignal | undefined) {
    const arrived = new Map<number, { size: number; etag: string | undefined }>()
    // S3 sends a marker with the last page too. A request with that marker would list the first part again.
    const listing = pages<ListPartsCommandOutput, number>({
      operation: 'ListParts',
      fetch: marker => {
        const after = marker === undefined ? undefined : String(marker)
        const command = new ListPartsCommand({ ...uploadOf(upload), PartNumberMarker: after })
        return s3.send(command, signal && { abortSignal: signal })
      },
      next: ({ IsTruncated, NextPartNumberMarker }) => (IsTruncated ? Number(NextPartNumberMarker ?? 0) : undefined),
      isAfter: (marker, previous) => marker > previous,
      maxPages: MAX_PAGES,
      signal,
    })
    try {
      for await (const { Parts = [] } of listing) {
        for (const { PartNumber = 0, Size = 0, ETag } of Parts) arrived.set(PartNumber, { size: Size, etag: ETag })
      }
    } catch (error) {
      if (isMissing(error)) return undefined
      throw error
    }
    const sizes = new Map([...arrived].map(([partNumber, { size }]) => [partNumber, size]))
    const planned = plannedParts({ size: upload.size, partBytes: upload.arrival.partBytes })
    return { arrived, planned, missing: missingParts(planned, sizes) }
  }

  return {
    async start(reservation) {
      const { UploadId: multipartId } = await s3.send(
        new CreateMultipartUploadCommand({
          Bucket: reservation.bucket,
          Key: reservation.key,
          ContentType: reservation.contentType,
          Metadata: toObjectMetadata(reservation),
        }),
      )
      if (multipartId === undefined) throw new TypeError('S3 returned no id for the multipart upload.')
      return { way: 'parts', multipartId, partBytes: partBytesFor(reservation.size) }
    },

    async abort(upload) {
      await s3.send(new AbortMultipartUploadCommand(uploadOf(upload)))
    },

    missing: async (upload, signal) => (await list(upload, signal))?.missing ?? [],

    async complete(upload, signal) {
      const found = await list(upload, signal)
      if (!found) return
      const { planned, missing, arrived } = found
      if (missing.length > 0) throw new NotArrivedError(describeMissing(missing, planned.length))
      const Parts = planned.map(({ partNumber }) => ({ PartNumber: partNumber, ETag: arrived.get(partNumber)?.etag }))
      const once = isOwnKey(upload) && { IfNoneMatch: '*' }
      await s3
        .send(new CompleteMultipartUploadCommand({ ...uploadOf(upload), MultipartUpload: { Parts }, ...once }))
        .catch((error: unknown) => {
          const isCompletedElsewhere =
            isMissing(error) || (error instanceof Error && CONCURRENT_COMPLETION.has(error.name))
          if (!isCompletedElsewhere) throw error
        })
    },
  }
}

/** Maximum number of missing parts that the error message lists. */
const MAX_NAMED_PARTS = 10

function describeMissing(missing: readonly PlannedPart[], count: number): string {
  const names = missing.slice(0, MAX_NAMED_PARTS).map(({ partNumber }) => partNumber)
  const more = missing.length > MAX_NAMED_PARTS ? ' and more' : ''
  return `${missing.length} of ${count} parts are missing or have the wrong size: ${names.join(', ')}${more}.`
}
