import { readXml } from '../body.ts'
import { S3Error } from '../errors.ts'
import type { StoredObject } from '../index-db.ts'
import { checkBucket, type Deps, type S3Request, sendEmpty, sendXml } from '../request.ts'
import { findAll, findText } from '../xml.ts'

/** Limits of S3: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html */
const MAX_TAGS = 10
const MAX_KEY = 128
const MAX_VALUE = 256

/** @throws S3Error NoSuchBucket, NoSuchKey */
function findObject({ bucket, key }: S3Request, deps: Deps): StoredObject {
  checkBucket(deps, bucket)
  const found = deps.index.findObject(bucket, key)
  if (!found) throw new S3Error('NoSuchKey', 'The specified key does not exist.')
  return found.object
}

export function getTagging(request: S3Request, deps: Deps): void {
  const { tags = {} } = findObject(request, deps)
  const Tag = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }))
  sendXml(request, 'Tagging', { TagSet: { Tag } })
}

/** Replaces all tags of an object. */
export async function putTagging(request: S3Request, deps: Deps): Promise<void> {
  findObject(request, deps)
  const tags = findAll(await readXml(request), 'Tag').map((tag): [string, string] => [
    findText(tag, 'Key') ?? '',
    findText(tag, 'Value') ?? '',
  ])
  const isValid = tags.every(([key, value]) => key !== '' && key.length <= MAX_KEY && value.length <= MAX_VALUE)
  const isUnique = new Set(tags.map(([key]) => key)).size === tags.length
  if (!isValid || !isUnique || tags.length > MAX_TAGS) {
    throw new S3Error('InvalidTag', 'The tags are invalid: too many, too long, without a key, or with the same key.')
  }
  // The object may have been deleted while the body arrived.
  findObject(request, deps)
  deps.index.setTags(request.bucket, request.key, Object.fromEntries(tags))
  sendEmpty(request, 200)
}

export function deleteTagging(request: S3Request, deps: Deps): void {
  findObject(request, deps)
  deps.index.setTags(request.bucket, request.key)
  sendEmpty(request, 204)
}
