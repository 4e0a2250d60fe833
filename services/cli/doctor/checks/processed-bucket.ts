import { HeadBucketCommand } from '@aws-sdk/client-s3'
import { arn, attempt } from '../attempt.ts'
import { type Check, ok } from '../check.ts'

export const processedBucket: Check = {
  id: 'processed-bucket',
  title: 'the bucket of processed objects is there, in the region',
  async run({ config, aws, signal }) {
    const Bucket = config.PROCESSED_BUCKET
    const asked = { action: 's3:ListBucket', resource: arn.bucket(Bucket), variable: 'PROCESSED_BUCKET' }
    await attempt(asked, aws.s3.send(new HeadBucketCommand({ Bucket }), { abortSignal: signal }))
    return ok(`${Bucket} is there`)
  },
}
