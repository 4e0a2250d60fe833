import { CreateBucketCommand, HeadBucketCommand, NotFound, type S3Client } from '@aws-sdk/client-s3'

/** Creates a bucket if it does not exist. */
export async function createBucket(s3: S3Client, bucket: string): Promise<void> {
  if (await exists(s3, bucket)) return
  await s3.send(new CreateBucketCommand({ Bucket: bucket }))
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
