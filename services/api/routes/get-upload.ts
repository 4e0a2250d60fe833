import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { validate, version } from 'uuid'
import type { UploadRecord } from '../../uploads/record.ts'
import type { UploadStore } from '../../uploads/store.ts'
import { ProblemError, problemResponses } from '../problems/problem.ts'
import { security, uploadSchema } from './schemas.ts'

const schema = {
  operationId: 'getUpload',
  tags: ['uploads'],
  summary: 'See what has become of an upload',
  security,
  params: Type.Object({ id: Type.String({ description: 'The `uploadId` of the upload.' }) }),
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
    // Another owner's upload and one that never was get the same answer: who asks learns nothing of others.
    if (!record) throw new ProblemError('not-found', 'You have no upload with this id.')
    return reply.header('cache-control', 'no-store').send(toUpload(record))
  })
}

function isUploadId(id: string): boolean {
  return validate(id) && version(id) === 7
}

function toUpload({ bucket, key, owner: _owner, requestId: _requestId, traceparent: _trace, ...rest }: UploadRecord) {
  return { ...rest, s3: { bucket, key } }
}
