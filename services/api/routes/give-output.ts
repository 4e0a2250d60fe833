import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { ResultStore } from '../../uploads/objects/result-store.ts'
import type { PendingUpload } from '../../uploads/records/record.ts'
import { isPending, type KnownOutput, MAIN_OUTPUT, outputsOf, type UploadRecord } from '../../uploads/records/record.ts'
import { attachment } from '../download/content-disposition.ts'
import type { UrlOf } from '../download/downloads.ts'
import { ContentGoneError } from '../download/errors.ts'
import { servedType } from '../download/served-type.ts'
import { ProblemError } from '../problems/problem.ts'
import { redirectResponses, redirectTo } from './content-redirect.ts'

/** The answers of a route that gives an output out. */
export const outputResponses = {
  200: {
    description: 'The output itself, where it is not in S3: a small one, which its rule keeps in DynamoDB.',
    content: { '*/*': { schema: Type.Unknown() } },
  },
  ...redirectResponses('content-not-ready', 'processing-failed'),
}

/** Answers with an output: by a redirect to S3, or whole where it is an item. */
export type GiveOutput = (
  upload: UploadRecord | PendingUpload,
  name: string,
  exchange: { request: FastifyRequest; reply: FastifyReply },
) => Promise<void>

export interface GiveOutputSettings {
  urlOf: UrlOf
  results: Pick<ResultStore, 'get'>
}

export function createGiveOutput({ urlOf, results }: GiveOutputSettings): GiveOutput {
  return async (upload, name, { request, reply }) => {
    if (isPending(upload)) throw notMade(upload)
    const outputs = outputsOf(upload)
    if (outputs.length === 0) throw notMade(upload)
    const output = outputs.find(one => one.name === name)
    if (!output) throw new ProblemError('not-found', 'The upload has no output of this name.')
    const { uploadId } = upload
    const { s3: object } = output
    if (object) return redirectTo(urlOf, { object, uploadId, filename: filenameOf(output, upload) }, { request, reply })

    const result = await results.get(upload, name, uploadId)
    if (!result) throw new ContentGoneError('It is not stored any more.')
    if (result.contentEncoding !== undefined) reply.header('content-encoding', result.contentEncoding)
    await reply
      .header('cache-control', 'private, no-store')
      .header('content-disposition', attachment(filenameOf(output, upload)))
      .type(servedType(result.contentType))
      .send(Buffer.from(result.body))
  }
}

/** As its transform calls it; else the main one as the upload is called, and another by its name. */
function filenameOf({ name, filename }: KnownOutput, upload: UploadRecord): string {
  return filename ?? (name === MAIN_OUTPUT ? upload.filename : name)
}

function notMade({ status, failure }: UploadRecord | PendingUpload): ProblemError {
  if (status === 'failed') {
    return new ProblemError('processing-failed', failure?.reason ?? 'Nothing could be made of the file.')
  }
  const detail = `The upload is not processed yet: it is ${status}.`
  return new ProblemError('content-not-ready', detail, { headers: { 'retry-after': '1' } })
}
