import { readXml } from '../body.ts'
import { parseCorsRules, toCorsElements } from '../cors-rules.ts'
import { S3Error } from '../errors.ts'
import { checkBucket, type Deps, type S3Request, sendEmpty, sendXml } from '../request.ts'
import { findAll, findText, unescaped } from '../xml.ts'

const REGION = 'us-east-1'

export function listBuckets(request: S3Request, { index }: Deps): void {
  const buckets = index.listBuckets().map(({ name, created }) => ({ Name: name, CreationDate: created.toISOString() }))
  sendXml(request, 'ListAllMyBucketsResult', { Owner: { ID: 'headgate' }, Buckets: { Bucket: buckets } })
}

/** Creates a bucket. A bucket that exists stays as it is: every bucket has the same owner. */
export function createBucket(request: S3Request, { index }: Deps): void {
  const { bucket } = request
  const isValid =
    /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket) &&
    !/\.\.|\.-|-\./.test(bucket) &&
    !/^\d+\.\d+\.\d+\.\d+$/.test(bucket)
  if (!isValid) throw new S3Error('InvalidBucketName', `The specified bucket is not valid: ${bucket}`)
  index.createBucket(bucket)
  sendEmpty(request, 200, { location: `/${bucket}` })
}

export function headBucket(request: S3Request, deps: Deps): void {
  checkBucket(deps, request.bucket)
  sendEmpty(request, 200, { 'x-amz-bucket-region': REGION })
}

export function getLocation(request: S3Request, deps: Deps): void {
  checkBucket(deps, request.bucket)
  // S3 calls this region the empty one.
  sendXml(request, 'LocationConstraint', '')
}

export function deleteBucket(request: S3Request, deps: Deps): void {
  const { bucket } = request
  checkBucket(deps, bucket)
  if (!deps.index.isEmpty(bucket)) throw new S3Error('BucketNotEmpty', 'The bucket you tried to delete is not empty')
  deps.index.deleteBucket(bucket)
  sendEmpty(request, 204)
}

/** DeleteObjects: deletes up to 1,000 objects. A key without an object counts as deleted. */
export async function deleteObjects(request: S3Request, deps: Deps): Promise<void> {
  const { bucket } = request
  const { index, contents } = deps
  checkBucket(deps, bucket)
  const xml = await readXml(request)
  const keys = findAll(xml, 'Key').map(unescaped)
  if (keys.length === 0 || keys.length > 1_000) {
    throw new S3Error(
      'MalformedXML',
      'The XML you provided was not well-formed or did not validate against our published schema',
    )
  }
  await contents.delete(index.transaction(() => keys.flatMap(key => index.deleteObject(bucket, key))))
  const isQuiet = findText(xml, 'Quiet') === 'true'
  sendXml(request, 'DeleteResult', isQuiet ? '' : { Deleted: keys.map(Key => ({ Key })) })
}

export function getCors(request: S3Request, deps: Deps): void {
  checkBucket(deps, request.bucket)
  const rules = deps.index.corsRules(request.bucket)
  if (!rules) throw new S3Error('NoSuchCORSConfiguration', 'The CORS configuration does not exist')
  sendXml(request, 'CORSConfiguration', { CORSRule: rules.map(toCorsElements) })
}

export async function putCors(request: S3Request, deps: Deps): Promise<void> {
  checkBucket(deps, request.bucket)
  deps.index.setCorsRules(request.bucket, parseCorsRules(await readXml(request)))
  sendEmpty(request, 200)
}

export function deleteCors(request: S3Request, deps: Deps): void {
  checkBucket(deps, request.bucket)
  deps.index.setCorsRules(request.bucket)
  sendEmpty(request, 204)
}
