import {
  AbortMultipartUploadCommand,
  DeleteObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  type ListMultipartUploadsCommandOutput,
  type S3Client,
} from '@aws-sdk/client-s3'
import { pages } from '../../platform/pages.ts'
import { listObjects } from '../../platform/s3/list-objects.ts'
import { ownerOfKey, UPLOADS } from '../../uploads/objects/keys.ts'
import { fromObjectMetadata, type UploadMetadata } from '../../uploads/objects/metadata.ts'
import { TAILS } from '../../uploads/pending/pending.ts'
import type { ObjectRef } from '../../uploads/records/record.ts'
import type { UploadKey } from '../../uploads/records/store.ts'

/** A multipart upload that was not completed. */
export interface OpenMultipart extends UploadKey {
  key: string
  multipartId: string
  /** When it was started, in epoch ms. */
  modified: number
}

/** The bytes of a tus upload that do not fill a part. */
export interface Tail extends UploadKey {
  key: string
  /** Epoch ms. */
  modified: number
}

/** What the sweep reads and removes in S3. To remove something that is gone is no error. */
export interface UploadBucket {
  /** Reads the metadata of an object: null if the api did not write the object, undefined if there is no object. */
  readMetadata(object: ObjectRef): Promise<UploadMetadata | null | undefined>
  remove(key: string): Promise<void>
  /** Page by page. */
  multiparts(signal: AbortSignal): AsyncGenerator<OpenMultipart[]>
  abort(multipart: OpenMultipart): Promise<void>
  /** Page by page. */
  tails(signal: AbortSignal): AsyncGenerator<Tail[]>
}

export function createUploadBucket(s3: S3Client, bucket: string): UploadBucket {
  return {
    async readMetadata({ bucket, key }) {
      try {
        const { Metadata } = await s3.send(new HeadObjectCommand({ Bucket: bucket, Key: key }))
        return fromObjectMetadata(Metadata) ?? null
      } catch (error) {
        if (isNamed(error, 'NotFound', 'NoSuchKey')) return undefined
        throw error
      }
    },

    async remove(Key) {
      await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key }))
    },

    async *multiparts(abortSignal) {
      const listing = pages<ListMultipartUploadsCommandOutput, { KeyMarker: string; UploadIdMarker: string }>({
        operation: 'ListMultipartUploads',
        fetch: marker =>
          s3.send(new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: UPLOADS, ...marker }), { abortSignal }),
        next: ({ IsTruncated, NextKeyMarker = '', NextUploadIdMarker = '' }) =>
          IsTruncated ? { KeyMarker: NextKeyMarker, UploadIdMarker: NextUploadIdMarker } : undefined,
        signal: abortSignal,
      })
      for await (const { Uploads = [] } of listing) {
        yield Uploads.flatMap(({ Key = '', UploadId, Initiated }) => {
          const upload = ownerOfKey(Key)
          if (!upload || UploadId === undefined || !Initiated) return []
          return [{ ...upload, key: Key, multipartId: UploadId, modified: Initiated.getTime() }]
        })
      }
    },

    async abort({ key, multipartId }) {
      const upload = { Bucket: bucket, Key: key, UploadId: multipartId }
      await s3.send(new AbortMultipartUploadCommand(upload)).catch((error: unknown) => {
        if (!isNamed(error, 'NoSuchUpload', 'NotFound')) throw error
      })
    },

    async *tails(abortSignal) {
      for await (const Contents of listObjects(s3, { Bucket: bucket, Prefix: TAILS }, abortSignal)) {
        yield Contents.flatMap(({ Key = '', LastModified }) => {
          // The key of a tail is like an upload's key, with another prefix, and the offset in place of the name.
          const upload = ownerOfKey(`${UPLOADS}${Key.slice(TAILS.length)}`)
          return upload && LastModified ? [{ ...upload, key: Key, modified: LastModified.getTime() }] : []
        })
      }
    },
  }
}

function isNamed(error: unknown, ...names: string[]): boolean {
  return error instanceof Error && names.includes(error.name)
}
