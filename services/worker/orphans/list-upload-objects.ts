import { ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3'
import { isKeyAfter, PagesError } from '../../platform/pages.ts'
import { ownerOfKey, UPLOADS } from '../../uploads/objects/keys.ts'
import type { UploadKey } from '../../uploads/records/store.ts'
import { firstUploadIdAt, timeOfUploadId } from '../../uploads/records/upload-id.ts'

/** An object whose key contains an upload's id. */
export interface UploadObject extends UploadKey {
  key: string
  /** Epoch ms. */
  modified: number
}

export interface UploadsPage {
  objects: UploadObject[]
  /** Where the next page begins. Undefined if this is the last page. */
  next: string | undefined
}

export interface PageQuery {
  after: string | undefined
  /** Uploads whose ids are older need not be listed, in epoch ms. */
  since: number
}

/**
 * Lists the objects of all uploads, a thousand at a time. Keys sort by owner and then by time. If a page ends among old uploads of an
 * owner, the rest of these is skipped. So it costs a request for each owner of many uploads and for each thousand new uploads, and never
 * more than listing the whole bucket.
 */
export function createListUploadObjects(s3: S3Client, bucket: string, pageSize = 1_000) {
  return async ({ after, since }: PageQuery, signal?: AbortSignal): Promise<UploadsPage> => {
    const { Contents = [], IsTruncated } = await s3.send(
      new ListObjectsV2Command({
        Bucket: bucket,
        Prefix: UPLOADS,
        MaxKeys: pageSize,
        ...(after !== undefined && { StartAfter: after }),
      }),
      signal && { abortSignal: signal },
    )
    const objects = Contents.flatMap(({ Key = '', LastModified }) => {
      const upload = ownerOfKey(Key)
      return upload && LastModified ? [{ ...upload, key: Key, modified: LastModified.getTime() }] : []
    })
    const next = IsTruncated ? afterOld(Contents.at(-1)?.Key ?? '', since) : undefined
    if (next !== undefined && !isKeyAfter(next, after ?? '')) {
      throw new PagesError(`ListObjectsV2 returned a page that does not advance: it ends at ${JSON.stringify(next)}.`)
    }
    return { objects, next }
  }
}

function afterOld(last: string, since: number): string {
  const upload = ownerOfKey(last)
  if (!upload || timeOfUploadId(upload.uploadId) >= since) return last
  return `${UPLOADS}${upload.owner}/${firstUploadIdAt(since)}`
}
