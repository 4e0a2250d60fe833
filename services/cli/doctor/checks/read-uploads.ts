import { GetObjectCommand, NoSuchKey } from '@aws-sdk/client-s3'
import { arn, attempt } from '../attempt.ts'
import { type Check, ok } from '../check.ts'

/** S3's response for a missing object if reading is allowed but listing is not: without s3:ListBucket it does not say that the object is missing. */
const LIST_DENIED = /not authorized to perform: s3:ListBucket/

export const readUploads: Check = {
  id: 'read-uploads',
  title: 'uploads can be read',
  async run({ config, aws, signal }) {
    const Bucket = config.UPLOAD_BUCKET
    const Key = `uploads/headgate-doctor/${crypto.randomUUID()}`
    const target = { action: 's3:GetObject', resource: arn.objects(Bucket, 'uploads/'), variable: 'UPLOAD_BUCKET' }
    const read = aws.s3.send(new GetObjectCommand({ Bucket, Key }), { abortSignal: signal }).catch(error => {
      if (error instanceof NoSuchKey || LIST_DENIED.test(String(error))) return undefined
      throw error
    })
    await attempt(target, read)
    return ok('a missing object is reported as missing, and access is not denied')
  },
}
