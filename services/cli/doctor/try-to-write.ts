import { AbortMultipartUploadCommand, CreateMultipartUploadCommand } from '@aws-sdk/client-s3'
import { arn, attempt } from './attempt.ts'
import { type CheckContext, type Finding, ok } from './check.ts'

/**
 * Begins an upload of parts and ends it: that takes the permission of every write, `s3:PutObject`, and no object comes of it.
 * Where its end is lost, the bucket's lifecycle ends it.
 */
export async function checkWriteAccess(
  { config, aws, signal }: CheckContext,
  variable: 'UPLOAD_BUCKET' | 'PROCESSED_BUCKET',
  prefix: string,
): Promise<Finding> {
  const Bucket = config[variable]
  const resource = arn.objects(Bucket, prefix)
  const at = { Bucket, Key: `${prefix}headgate-doctor/${crypto.randomUUID()}` }
  const begun = await attempt(
    { action: 's3:PutObject', resource, variable },
    aws.s3.send(new CreateMultipartUploadCommand(at), { abortSignal: signal }),
  )
  await attempt(
    { action: 's3:AbortMultipartUpload', resource, variable },
    aws.s3.send(new AbortMultipartUploadCommand({ ...at, UploadId: begun.UploadId }), { abortSignal: signal }),
  )
  return ok(`an upload to ${Bucket}/${prefix} was begun, and given up`)
}
