import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { MAIN_OUTPUT } from '../../uploads/records/output-names.ts'
import {
  isPending,
  type KnownOutput,
  outputsOf,
  type PendingUpload,
  type UploadRecord,
} from '../../uploads/records/record.ts'
import type { Backend } from '../backend.ts'
import { attachment } from '../download/content-disposition.ts'
import { dataUrl } from '../download/data-url.ts'
import { ContentGoneError } from '../download/errors.ts'
import { checkNotQuarantined } from '../download/quarantine.ts'
import { servedType } from '../download/served-type.ts'
import { ProblemError } from '../problems/problem.ts'
import { downloadSchema, redirectResponses, redirectTo, wantsUrl } from './content-redirect.ts'

/** The responses of a route that sends an output. */
export const outputResponses = {
  ...redirectResponses('content-not-ready', 'processing-failed', 'quarantined'),
  200: {
    description:
      'The URL of the output, if the request has `Accept: application/json`. Otherwise the output itself, if it is a small one that is stored in DynamoDB, and then it may be JSON too. The URL of a small output is a `data:` URL.',
    content: {
      'application/json': { schema: Type.Union([downloadSchema, Type.Unknown()]) },
      '*/*': { schema: Type.Unknown() },
    },
  },
}

/** The options of the routes that send outputs. */
export interface OutputRouteOptions {
  backend: () => Pick<Backend, 'store' | 'results' | 'downloadUrl'>
}

/**
 * Sends an output of an upload: a redirect to S3, or the output itself if it is stored in DynamoDB. A client that wants a URL gets it in
 * both cases: a `data:` URL if the output is stored in DynamoDB, so that a page needs no second way to download.
 *
 * @throws ProblemError if the upload has no such output
 */
export async function sendOutput(
  { downloadUrl, results }: Pick<Backend, 'results' | 'downloadUrl'>,
  upload: UploadRecord | PendingUpload,
  name: string,
  { request, reply }: { request: FastifyRequest; reply: FastifyReply },
): Promise<void> {
  if (isPending(upload)) throw notProcessed(upload)
  checkNotQuarantined(upload)
  const outputs = outputsOf(upload)
  if (outputs.length === 0) throw notProcessed(upload)
  const output = outputs.find(one => one.name === name)
  if (!output) throw new ProblemError('not-found', 'The upload has no output with this name.')
  const { uploadId } = upload
  const filename = filenameOf(output, upload)
  if (output.s3) return redirectTo(downloadUrl, { object: output.s3, uploadId, filename }, { request, reply })

  const result = await results.get(upload, name, uploadId)
  if (!result) throw new ContentGoneError('The output is no longer stored.')
  const contentType = servedType(result.contentType)
  if (wantsUrl(request)) {
    const { url, size } = await dataUrl(result, contentType)
    await reply.header('cache-control', 'no-store').send({ url, filename, contentType, size })
    return
  }
  if (result.contentEncoding !== undefined) reply.header('content-encoding', result.contentEncoding)
  await reply
    .header('cache-control', 'private, no-store')
    .header('content-disposition', attachment(filename))
    .type(contentType)
    .send(Buffer.from(result.body))
}

/** Returns the name that the transform gave. Otherwise the main output has the name of the upload, and others their own. */
function filenameOf({ name, filename }: KnownOutput, upload: UploadRecord): string {
  return filename ?? (name === MAIN_OUTPUT ? upload.filename : name)
}

function notProcessed({ status, failure }: UploadRecord | PendingUpload): ProblemError {
  if (status === 'failed') {
    return new ProblemError('processing-failed', failure?.reason ?? 'The file could not be processed.')
  }
  const detail = `The upload is not processed yet. Its status is ${status}.`
  return new ProblemError('content-not-ready', detail, { headers: { 'retry-after': '1' } })
}
