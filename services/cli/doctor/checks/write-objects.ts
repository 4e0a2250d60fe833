import { AbortMultipartUploadCommand, CreateMultipartUploadCommand } from '@aws-sdk/client-s3'
import { arn, attempt } from '../attempt.ts'
import { type Check, type CheckContext, type Finding, ok } from '../check.ts'

export const writeUploads: Check = {
  id: 'write-uploads',
  title: 'uploads can be written to UPLOAD_BUCKET',
  run: context => beginAndAbortUpload(context, 'UPLOAD_BUCKET', 'uploads/'),
}

export const writeProcessed: Check = {
  id: 'write-processed',
  title: 'processed objects can be written to PROCESSED_BUCKET',
  run: context => beginAndAbortUpload(context, 'PROCESSED_BUCKET', 'processed/'),
}

/**
 * Begins a multipart upload and aborts it. This needs the permission of every write, `s3:PutObject`, and creates no object. If the abort
 * fails, the lifecycle rule of the bucket aborts the upload later.
 */
async function beginAndAbortUpload(
  { config, aws, signal }: CheckContext,
  variable: 'UPLOAD_BUCKET' | 'PROCESSED_BUCKET',
  prefix: string,
): Promise<Finding> {
  const Bucket = config[variable]
  const resource = arn.objects(Bucket, prefix)
  const object = { Bucket, Key: `${prefix}headgate-doctor/${crypto.randomUUID()}` }
  const { UploadId } = await attempt(
    { action: 's3:PutObject', resource, variable },
    aws.s3.send(new CreateMultipartUploadCommand(object), { abortSignal: signal }),
  )
  await attempt(
    { action: 's3:AbortMultipartUpload', resource, variable },
    aws.s3.send(new AbortMultipartUploadCommand({ ...object, UploadId }), { abortSignal: signal }),
  )
  return ok(`a multipart upload to ${Bucket}/${prefix} was begun and aborted`)
}
