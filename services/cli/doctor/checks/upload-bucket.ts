import { HeadBucketCommand } from '@aws-sdk/client-s3'
import { arn, attempt } from '../attempt.ts'
import { type Check, ok } from '../check.ts'

export const uploadBucket: Check = {
  id: 'upload-bucket',
  title: 'the bucket of uploads is there, in the region',
  async run({ config, aws, signal }) {
    const Bucket = config.UPLOAD_BUCKET
    const asked = { action: 's3:ListBucket', resource: arn.bucket(Bucket), variable: 'UPLOAD_BUCKET' }
    await attempt(asked, aws.s3.send(new HeadBucketCommand({ Bucket }), { abortSignal: signal }))
    return ok(`${Bucket} is there`)
  },
}
