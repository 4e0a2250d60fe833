import { HeadBucketCommand } from '@aws-sdk/client-s3'
import { arn, attempt } from '../attempt.ts'
import { type Check, type CheckContext, type Finding, ok } from '../check.ts'

export const uploadBucket: Check = {
  id: 'upload-bucket',
  title: 'UPLOAD_BUCKET exists, in AWS_REGION',
  run: context => checkBucket(context, 'UPLOAD_BUCKET'),
}

export const processedBucket: Check = {
  id: 'processed-bucket',
  title: 'PROCESSED_BUCKET exists, in AWS_REGION',
  run: context => checkBucket(context, 'PROCESSED_BUCKET'),
}

async function checkBucket(
  { config, aws, signal }: CheckContext,
  variable: 'UPLOAD_BUCKET' | 'PROCESSED_BUCKET',
): Promise<Finding> {
  const Bucket = config[variable]
  const target = { action: 's3:ListBucket', resource: arn.bucket(Bucket), variable }
  await attempt(target, aws.s3.send(new HeadBucketCommand({ Bucket }), { abortSignal: signal }))
  return ok(`${Bucket} exists`)
}
