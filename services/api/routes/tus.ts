import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Backend } from '../backend.ts'
import { checkNotEncoded } from '../body-formats/body-headers.ts'
import type { UploadLimits } from '../policies/policies.ts'
import { ProblemError } from '../problems/problem.ts'
import { checksumAlgorithms } from '../tus/checksum.ts'
import { TUS_PATH, TUS_VERSION } from '../tus/protocol.ts'
import { documented, schemas } from './tus-schema.ts'

/** Many clients write the endpoint with a slash. */
const WITH_SLASH = `${TUS_PATH}/`

export interface TusOptions {
  backend: () => Pick<Backend, 'tus'>
  /** The limits of requests without a token. */
  deployment: UploadLimits
}

/** Serves resumable uploads by tus 1.0 (https://tus.io), for tus-js-client, Uppy, tuspy and other clients. */
export const tus: FastifyPluginAsyncTypebox<TusOptions> = async (app, { backend, deployment }) => {
  // Every body is passed on as a stream, which @tus/server reads.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, payload, done) => done(null, payload))
  app.addHook('onSend', async (_request, reply) => {
    reply.header('tus-resumable', TUS_VERSION)
  })

  /** Every client may end its uploads, whatever it may send by now. `OPTIONS` has no token. */
  const limitsOf = ({ policy }: FastifyRequest, method: string) =>
    method === 'OPTIONS' || method === 'DELETE' ? deployment : policy.limitsFor('tus')

  async function answer(request: FastifyRequest, reply: FastifyReply, method = request.method): Promise<FastifyReply> {
    const { owner, id: requestId, log, raw } = request
    const [requested = ''] = request.url.split('?', 1)
    const path = requested === WITH_SLASH ? TUS_PATH : requested
    if (method === 'POST' || method === 'PATCH') checkNotEncoded(request.headers)
    const { status, headers } = await backend().tus({
      raw,
      method,
      path,
      owner,
      requestId,
      log,
      limits: limitsOf(request, method),
    })
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
  // HEAD needs write access: it takes the upload's lock from a running PATCH, and accepts an upload whose last byte has arrived.
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
  // For clients whose network blocks PATCH.
  app.post(`${TUS_PATH}/:id`, { schema: { hide: true }, config: write }, (request, reply) => {
    const override = request.headers['x-http-method-override']
    if (override === 'PATCH' || override === 'DELETE') return answer(request, reply, override)
    throw new ProblemError(
      'method-not-allowed',
      'POST on this path requires the header X-HTTP-Method-Override with PATCH or DELETE.',
      {
        headers: { allow: 'DELETE, HEAD, OPTIONS, PATCH' },
      },
    )
  })
}
