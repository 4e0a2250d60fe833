import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { ProblemSlug } from '../problems/catalogue.ts'
import { ProblemError, problemResponses } from '../problems/problem.ts'
import { checksumAlgorithms } from '../tus/checksum.ts'
import { TUS_VERSION } from '../tus/request-headers.ts'
import { type ServeTus, TUS_PATH } from '../tus/serve.ts'
import { checkNotEncoded } from '../ways/body-headers.ts'
import { security } from './schemas.ts'
import { uploadIdParams } from './upload-id.ts'

const common: ProblemSlug[] = [
  'missing-token',
  'invalid-token',
  'insufficient-scope',
  'too-many-requests',
  'unsupported-tus-version',
  'internal-error',
  'unavailable',
  'keys-unavailable',
]

const operation = <P>(operationId: string, summary: string, status: number, slugs: ProblemSlug[], params?: P) => ({
  operationId,
  tags: ['tus'],
  summary,
  ...(status !== 204 || operationId !== 'tusOptions' ? { security } : {}),
  ...(params && { params }),
  response: {
    [status]: Type.Null({ description: 'See https://tus.io/protocols/resumable-upload.' }),
    ...problemResponses(...slugs),
  },
})

/** By the first bytes, once all have arrived. */
const TYPES: ProblemSlug[] = ['content-type-contradicted', 'content-type-not-allowed']

const OFFSETS: ProblemSlug[] = [
  'bad-request',
  'request-timeout',
  'offset-conflict',
  'upload-expired',
  'upload-locked',
  'payload-too-large',
]

const schemas = {
  options: operation('tusOptions', 'What of tus 1.0 is served', 204, ['internal-error']),
  create: operation('tusCreate', 'Begin a resumable upload', 201, [
    'bad-request',
    'invalid-filename',
    'invalid-content-type',
    'payload-too-large',
    'checksum-mismatch',
    'unsupported-media-type',
    'request-timeout',
    'upload-locked',
    'arrival-refused',
    ...TYPES,
    ...common,
  ]),
  head: operation(
    'tus',
    'Ask how much of a resumable upload has arrived',
    200,
    ['not-found', 'upload-expired', 'upload-locked', 'arrival-refused', ...TYPES, ...common],
    uploadIdParams,
  ),
  patch: operation(
    'tusPatch',
    'Go on with a resumable upload',
    204,
    ['not-found', 'checksum-mismatch', 'arrival-refused', ...TYPES, 'unsupported-media-type', ...OFFSETS, ...common],
    uploadIdParams,
  ),
  delete: operation(
    'tusDelete',
    'Give a resumable upload up',
    204,
    ['bad-request', 'not-found', 'upload-locked', ...common],
    uploadIdParams,
  ),
}

/** Resumable uploads by tus 1.0 (https://tus.io), for tus-js-client, Uppy, tuspy and any other client of it. */
export const tus: FastifyPluginAsyncTypebox<{ serve: ServeTus }> = async (app, { serve }) => {
  // Every body is a stream, and @tus/server reads it.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, payload, done) => done(null, payload))
  app.addHook('onSend', async (_request, reply) => {
    reply.header('tus-resumable', TUS_VERSION)
  })

  async function answer(request: FastifyRequest, reply: FastifyReply, method = request.method): Promise<FastifyReply> {
    const { owner, id: requestId, log, raw } = request
    const [path = ''] = request.url.split('?', 1)
    if (method === 'POST' || method === 'PATCH') checkNotEncoded(request.headers)
    const { status, headers } = await serve({ raw, method, path, owner, requestId, log })
    reply.code(status).headers(headers)
    if (method === 'OPTIONS') reply.header('tus-checksum-algorithm', checksumAlgorithms)
    return reply.send()
  }

  const onRequest = app.authenticate
  app.options(TUS_PATH, { schema: schemas.options }, answer)
  app.options(`${TUS_PATH}/:id`, { schema: { hide: true } }, answer)
  app.post(TUS_PATH, { schema: schemas.create, onRequest }, (request, reply) => answer(request, reply))
  app.head(
    `${TUS_PATH}/:id`,
    { schema: schemas.head, config: { swagger: { exposeHeadRoute: true } }, onRequest },
    (request, reply) => answer(request, reply),
  )
  app.delete(`${TUS_PATH}/:id`, { schema: schemas.delete, onRequest }, (request, reply) => answer(request, reply))
  app.patch(`${TUS_PATH}/:id`, { schema: schemas.patch, onRequest }, (request, reply) => answer(request, reply))
  // For clients whose network lets no PATCH through.
  app.post(`${TUS_PATH}/:id`, { schema: { hide: true }, onRequest }, (request, reply) => {
    const override = request.headers['x-http-method-override']
    if (override === 'PATCH' || override === 'DELETE') return answer(request, reply, override)
    throw new ProblemError('method-not-allowed', 'POST is served here with X-HTTP-Method-Override alone.', {
      headers: { allow: 'DELETE, HEAD, OPTIONS, PATCH' },
    })
  })
}
