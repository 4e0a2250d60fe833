import {
  type CORSRule,
  CreateBucketCommand,
  DeleteBucketCorsCommand,
  HeadBucketCommand,
  NotFound,
  PutBucketCorsCommand,
  type S3Client,
} from '@aws-sdk/client-s3'
import { bucketCors } from '../../platform/resources.ts'

/** Creates a bucket if it does not exist. */
export async function createBucket(s3: S3Client, bucket: string): Promise<void> {
  if (await exists(s3, bucket)) return
  await s3.send(new CreateBucketCommand({ Bucket: bucket }))
}

/** Sets the CORS rule of a bucket for pages of these origins, and deletes all rules if there are no origins. */
export async function allowPages(s3: S3Client, bucket: string, origins: readonly string[]): Promise<void> {
  if (origins.length === 0) {
    await s3.send(new DeleteBucketCorsCommand({ Bucket: bucket }))
    return
  }
  const { allowedMethods, allowedHeaders, exposedHeaders, maxAgeSeconds } = bucketCors
  const rule: CORSRule = {
    AllowedOrigins: [...origins],
    AllowedMethods: [...allowedMethods],
    AllowedHeaders: [...allowedHeaders],
    ExposeHeaders: [...exposedHeaders],
    MaxAgeSeconds: maxAgeSeconds,
  }
  await s3.send(new PutBucketCorsCommand({ Bucket: bucket, CORSConfiguration: { CORSRules: [rule] } }))
}

async function exists(s3: S3Client, bucket: string): Promise<boolean> {
  try {
    await s3.send(new HeadBucketCommand({ Bucket: bucket }))
    return true
  } catch (error) {
    if (error instanceof NotFound) return false
    throw error
  }
}
