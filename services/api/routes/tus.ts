import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { checkNotEncoded } from '../body-formats/body-headers.ts'
import { ProblemError } from '../problems/problem.ts'
import { checksumAlgorithms } from '../tus/checksum.ts'
import { TUS_PATH } from '../tus/path.ts'
import { TUS_VERSION } from '../tus/request-headers.ts'
import type { ServeTus } from '../tus/serve.ts'
import { documented, schemas } from './tus-schema.ts'

/** As endpoints of tus are often written. */
const WITH_SLASH = `${TUS_PATH}/`

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
    const [asked = ''] = request.url.split('?', 1)
    const path = asked === WITH_SLASH ? TUS_PATH : asked
    if (method === 'POST' || method === 'PATCH') checkNotEncoded(request.headers)
    const { status, headers } = await serve({ raw, method, path, owner, requestId, log })
    reply.code(status).headers(headers)
    if (method === 'OPTIONS') {
      reply.header('allow', path === TUS_PATH ? 'OPTIONS, POST' : 'DELETE, HEAD, OPTIONS, PATCH, POST')
      reply.header('tus-checksum-algorithm', checksumAlgorithms)
    }
    return reply.send()
  }

  const hidden = { schema: { hide: true }, config: { access: 'public' } } as const
  const write = { access: 'write' } as const
  app.options(TUS_PATH, { schema: schemas.options, config: { access: 'public' } }, answer)
  app.options(WITH_SLASH, hidden, answer)
  app.options(`${TUS_PATH}/:id`, hidden, answer)
  app.post(WITH_SLASH, { schema: { hide: true }, config: write }, (request, reply) => answer(request, reply))
  app.post(TUS_PATH, { schema: schemas.create, config: { ...write, ...documented.create } }, (request, reply) =>
    answer(request, reply),
  )
  // HEAD writes, too: it takes the upload's lock from a running PATCH, and accepts an upload whose last byte has arrived.
  app.head(
    `${TUS_PATH}/:id`,
    { schema: schemas.head, config: { ...write, ...documented.other, swagger: { exposeHeadRoute: true } } },
    (request, reply) => answer(request, reply),
  )
  app.delete(
    `${TUS_PATH}/:id`,
    { schema: schemas.delete, config: { ...write, ...documented.other } },
    (request, reply) => answer(request, reply),
  )
  app.patch(`${TUS_PATH}/:id`, { schema: schemas.patch, config: { ...write, ...documented.patch } }, (request, reply) =>
    answer(request, reply),
  )
  // For clients whose network lets no PATCH through.
  app.post(`${TUS_PATH}/:id`, { schema: { hide: true }, config: write }, (request, reply) => {
    const override = request.headers['x-http-method-override']
    if (override === 'PATCH' || override === 'DELETE') return answer(request, reply, override)
    throw new ProblemError('method-not-allowed', 'POST is served here with X-HTTP-Method-Override alone.', {
      headers: { allow: 'DELETE, HEAD, OPTIONS, PATCH' },
    })
  })
}
