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
import { isMissing } from '../pending/arrived-object.ts'
import { NotArrivedError } from '../pending/errors.ts'
import type { Promised } from '../pending/reservation.ts'
import { missingParts, type PlannedPart, partBytesFor, plannedParts } from './plan.ts'

export type PartsUpload = PendingRecord<PartsArrival>

/** Multipart uploads whose parts their clients send. What has arrived is what S3 lists, whatever anybody says. */
export interface Multipart {
  start(promised: Promised): Promise<PartsArrival>
  abort(upload: PartsUpload): Promise<void>
  /** The parts that S3 does not have as they were planned. None where the multipart upload is no more. Rejects when the signal fires. */
  missing(upload: PartsUpload, signal?: AbortSignal): Promise<PlannedPart[]>
  /**
   * Makes the object of the parts, where that is not done yet. Rejects when the signal fires before S3 is asked to.
   *
   * @throws NotArrivedError where parts are missing
   */
  join(upload: PartsUpload, signal?: AbortSignal): Promise<void>
}

/** Another try is at it, or was: the look at the object tells what came of that. */
const OVERTAKEN = new Set(['PreconditionFailed', 'ConditionalRequestConflict'])

/** S3 lists a thousand parts on a page, and an upload has ten thousand at most. The rest is for servers with smaller pages. */
const MAX_PAGES = 100

export function createMultipart(s3: S3Client): Multipart {
  const uploadOf = ({ bucket, key, arrival }: PartsUpload) => ({
    Bucket: bucket,
    Key: key,
    UploadId: arrival.multipartId,
  })

  /** Undefined where the multipart upload is no more: it was completed, most likely. */
  async function list(upload: PartsUpload, signal: AbortSignal | undefined) {
    const arrived = new Map<number, { size: number; etag: string | undefined }>()
    // S3 sends a marker with the last page too, and begins again with the first part where it is followed.
    const listing = pages<ListPartsCommandOutput, number>({
      operation: 'ListParts',
      fetch: marker => {
        const after = marker === undefined ? {} : { PartNumberMarker: String(marker) }
        const command = new ListPartsCommand({ ...uploadOf(upload), ...after })
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
    async start(promised) {
      const { UploadId: multipartId } = await s3.send(
        new CreateMultipartUploadCommand({
          Bucket: promised.bucket,
          Key: promised.key,
          ContentType: promised.contentType,
          Metadata: toObjectMetadata(promised),
        }),
      )
      if (multipartId === undefined) throw new TypeError('S3 gave the multipart upload no id.')
      return { way: 'parts', multipartId, partBytes: partBytesFor(promised.size) }
    },

    async abort(upload) {
      await s3.send(new AbortMultipartUploadCommand(uploadOf(upload)))
    },

    missing: async (upload, signal) => (await list(upload, signal))?.missing ?? [],

    async join(upload, signal) {
      const found = await list(upload, signal)
      if (!found) return
      const { planned, missing, arrived } = found
      if (missing.length > 0) throw new NotArrivedError(describeMissing(missing, planned.length))
      const Parts = planned.map(({ partNumber }) => ({ PartNumber: partNumber, ETag: arrived.get(partNumber)?.etag }))
      const once = isOwnKey(upload) && { IfNoneMatch: '*' }
      await s3
        .send(new CompleteMultipartUploadCommand({ ...uploadOf(upload), MultipartUpload: { Parts }, ...once }))
        .catch((error: unknown) => {
          const isOvertaken = isMissing(error) || (error instanceof Error && OVERTAKEN.has(error.name))
          if (!isOvertaken) throw error
        })
    },
  }
}

/** How many missing parts are named. */
const NAMED = 10

function describeMissing(missing: readonly PlannedPart[], count: number): string {
  const names = missing.slice(0, NAMED).map(({ partNumber }) => partNumber)
  const more = missing.length > NAMED ? ' and more' : ''
  return `Of ${count} parts, ${missing.length} have not arrived in their size: ${names.join(', ')}${more}.`
}
