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

/**
 * A range of keys that is swept by itself, so that several workers share a large bucket. The owners of Cognito are UUIDs, so the first
 * character of the owner divides the keys into 16 sections of about the same size. Other owners are in the sections between which they sort.
 */
export interface Section {
  /** 0 to 15. */
  index: number
  /** The keys of the section are after this one. */
  after: string
  /** The first key after the section. Undefined for the last section. */
  end: string | undefined
}

const SECTION_STARTS = ['', ...'123456789abcdef'].map(first => UPLOADS + first)

/** All sections. Together they have every key of an upload, each once. */
export const sections: readonly Section[] = SECTION_STARTS.map((after, index) => ({
  index,
  after,
  end: SECTION_STARTS[index + 1],
}))

export interface PageQuery {
  /** The page begins after this key. */
  after: string
  /** The first key that is not listed. Undefined: all keys to the last one. */
  end?: string | undefined
  /** Uploads whose ids are older need not be listed, in epoch ms. */
  since: number
}

/**
 * Lists the objects of all uploads, a thousand at a time. Keys sort by owner and then by time. If a page ends among old uploads of an
 * owner, the rest of these is skipped. So it costs a request for each owner of many uploads and for each thousand new uploads, and never
 * more than listing the whole bucket.
 */
export function createListUploadObjects(s3: S3Client, bucket: string, pageSize = 1_000) {
  return async ({ after, end, since }: PageQuery, signal?: AbortSignal): Promise<UploadsPage> => {
    const { Contents = [], IsTruncated } = await s3.send(
      new ListObjectsV2Command({
        Bucket: bucket,
        Prefix: UPLOADS,
        MaxKeys: pageSize,
        StartAfter: after,
      }),
      signal && { abortSignal: signal },
    )
    const isInside = (key: string) => end === undefined || isKeyAfter(end, key)
    const objects = Contents.flatMap(({ Key = '', LastModified }) => {
      if (!isInside(Key)) return []
      const upload = ownerOfKey(Key)
      return upload && LastModified ? [{ ...upload, key: Key, modified: LastModified.getTime() }] : []
    })
    const next = IsTruncated ? afterOld(Contents.at(-1)?.Key ?? '', since) : undefined
    if (next !== undefined && !isKeyAfter(next, after)) {
      throw new PagesError(`ListObjectsV2 returned a page that does not advance: it ends at ${JSON.stringify(next)}.`)
    }
    return { objects, next: next !== undefined && isInside(next) ? next : undefined }
  }
}

function afterOld(last: string, since: number): string {
  const upload = ownerOfKey(last)
  if (!upload || timeOfUploadId(upload.uploadId) >= since) return last
  // Folders of a key prefix may be before the owner.
  const ids = last.lastIndexOf(`/${upload.uploadId}/`) + 1
  return last.slice(0, ids) + firstUploadIdAt(since)
}
