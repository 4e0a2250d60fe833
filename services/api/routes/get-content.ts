import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { UploadStore } from '../../uploads/records/store.ts'
import type { UrlOf } from '../download/downloads.ts'
import { ProblemError } from '../problems/problem.ts'
import { redirectResponses, redirectTo } from './content-redirect.ts'
import { idParams, security } from './schemas.ts'
import { noSuchUpload } from './upload-id.ts'
import { uploadIdOf } from './upload-view.ts'

const schema = {
  operationId: 'getContent',
  tags: ['uploads'],
  summary: 'Get the file back, as it was uploaded',
  security,
  params: idParams,
  response: redirectResponses('content-not-ready'),
}

export const getContent: FastifyPluginAsyncTypebox<{ store: Pick<UploadStore, 'get'>; urlOf: UrlOf }> = async (
  app,
  options,
) => {
  const { store, urlOf } = options
  app.get('/uploads/:id/content', { schema, config: { access: 'read' } }, async (request, reply) => {
    const uploadId = uploadIdOf(request.params.id)
    const record = await store.get({ owner: request.owner, uploadId })
    if (!record) throw noSuchUpload()
    if (record.status === 'pending') {
      throw new ProblemError('content-not-ready', 'The file has not arrived yet.', { headers: { 'retry-after': '1' } })
    }
    const { bucket, key, filename } = record
    await redirectTo(urlOf, { object: { bucket, key }, uploadId, filename }, { request, reply })
  })
}
