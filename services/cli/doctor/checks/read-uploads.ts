import { GetObjectCommand, NoSuchKey } from '@aws-sdk/client-s3'
import { arn, attempt } from '../attempt.ts'
import { type Check, ok } from '../check.ts'

/** S3 says so where the object is not there, the reader may not list, and so must not learn that. Reading itself is allowed. */
const MAY_NOT_LIST = /not authorized to perform: s3:ListBucket/

export const readUploads: Check = {
  id: 'read-uploads',
  title: 'uploads can be read',
  async run({ config, aws, signal }) {
    const Bucket = config.UPLOAD_BUCKET
    const Key = `uploads/headgate-doctor/${crypto.randomUUID()}`
    const asked = { action: 's3:GetObject', resource: arn.objects(Bucket, 'uploads/'), variable: 'UPLOAD_BUCKET' }
    const reading = aws.s3.send(new GetObjectCommand({ Bucket, Key }), { abortSignal: signal }).catch(error => {
      if (error instanceof NoSuchKey || MAY_NOT_LIST.test(String(error))) return undefined
      throw error
    })
    await attempt(asked, reading)
    return ok('an object that is not there is told to be not there, and not refused')
  },
}
