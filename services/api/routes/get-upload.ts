import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { PendingUpload } from '../../uploads/pending.ts'
import type { UploadRecord } from '../../uploads/record.ts'
import type { UploadStore } from '../../uploads/store.ts'
import { problemResponses } from '../problems/problem.ts'
import { security, uploadSchema } from './schemas.ts'
import { isUploadId, noSuchUpload, uploadIdParams } from './upload-id.ts'

const schema = {
  operationId: 'getUpload',
  tags: ['uploads'],
  summary: 'See what has become of an upload',
  security,
  params: uploadIdParams,
  response: {
    200: { ...uploadSchema, description: 'The upload.' },
    ...problemResponses(
      'missing-token',
      'invalid-token',
      'insufficient-scope',
      'not-found',
      'too-many-requests',
      'internal-error',
      'unavailable',
      'keys-unavailable',
    ),
  },
}

export const getUpload: FastifyPluginAsyncTypebox<{ store: UploadStore }> = async (app, { store }) => {
  app.get('/uploads/:id', { schema, onRequest: app.authenticate }, async (request, reply) => {
    const { owner } = request
    const uploadId = request.params.id
    const record = isUploadId(uploadId) ? await store.get({ owner, uploadId }) : undefined
    if (!record) throw noSuchUpload()
    return reply.header('cache-control', 'no-store').send(toUpload(record))
  })
}

function toUpload(record: UploadRecord | PendingUpload) {
  const { bucket, key, owner: _owner, requestId: _requestId, ...rest } = record
  if ('traceparent' in rest) delete rest.traceparent
  return { ...rest, s3: { bucket, key } }
}
