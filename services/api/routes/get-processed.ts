import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { PendingUpload } from '../../uploads/pending.ts'
import type { UploadRecord } from '../../uploads/record.ts'
import type { UploadStore } from '../../uploads/store.ts'
import type { UrlOf } from '../download/downloads.ts'
import { ProblemError } from '../problems/problem.ts'
import { redirectResponses, redirectTo } from './content-redirect.ts'
import { idParams, security } from './schemas.ts'
import { noSuchUpload } from './upload-id.ts'
import { uploadIdOf } from './upload-view.ts'

const schema = {
  operationId: 'getProcessed',
  tags: ['uploads'],
  summary: 'Get what was made of the file',
  security,
  params: idParams,
  response: redirectResponses('content-not-ready', 'processing-failed'),
}

export const getProcessed: FastifyPluginAsyncTypebox<{ store: UploadStore; urlOf: UrlOf }> = async (app, options) => {
  const { store, urlOf } = options
  app.get('/uploads/:id/processed', { schema, onRequest: app.authenticate }, async (request, reply) => {
    const uploadId = uploadIdOf(request.params.id)
    const record = await store.get({ owner: request.owner, uploadId })
    if (!record) throw noSuchUpload()
    if (!record.processed) throw notProcessed(record)
    const { processed: object } = record
    // Named as its object is: a transform may have given it another extension.
    const filename = object.key.slice(object.key.lastIndexOf('/') + 1)
    await redirectTo(urlOf, { object, uploadId, filename }, { request, reply })
  })
}

function notProcessed({ status, failure }: UploadRecord | PendingUpload): ProblemError {
  if (status === 'failed') {
    return new ProblemError('processing-failed', failure?.reason ?? 'Nothing could be made of the file.')
  }
  const detail = `The upload is not processed yet: it is ${status}.`
  return new ProblemError('content-not-ready', detail, { headers: { 'retry-after': '1' } })
}
