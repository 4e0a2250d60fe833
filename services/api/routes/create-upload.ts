import { createHash } from 'node:crypto'
import multipart from '@fastify/multipart'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type ArrivingFilesSettings, arrivingFiles } from '../body-formats/arriving-files.ts'
import { multipartOptions } from '../body-formats/form-reader.ts'
import { checkQueryEncoding } from '../body-formats/query.ts'
import { type UploadQuery, type Way, wayOf } from '../body-formats/way.ts'
import { traceparentOf } from '../http/trace-context.ts'
import type { AcceptOnce } from '../idempotency/idempotency.ts'
import { idempotencyKey } from '../idempotency/key.ts'
import type { AcceptAll } from '../ingest/accept-all.ts'
import { type Accepted, statusOf, toAccepted } from './accepted.ts'
import { openapiBody, openapiResponses, schema } from './create-upload-schema.ts'

export interface CreateUploadOptions {
  acceptAll: AcceptAll
  /** For requests with an `Idempotency-Key`. */
  acceptOnce: AcceptOnce<Accepted[]>
  arriving: ArrivingFilesSettings
  onAccepted?: (way: Way, uploads: readonly Accepted[]) => void
}

export const createUpload: FastifyPluginAsyncTypebox<CreateUploadOptions> = async (app, options) => {
  const { acceptAll, acceptOnce, arriving, onAccepted } = options

  // Every body comes as a stream; what it is shows in the handler, from the query too.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, payload, done) => done(null, payload))
  // Fastify refuses an empty type. It says as much as none.
  app.addHook('onRequest', async ({ raw: { headers } }) => {
    if (headers['content-type']?.trim() === '') delete headers['content-type']
  })
  await app.register(multipart, multipartOptions(arriving.maxFormFiles))

  const config = { access: 'write', openapiBody, openapiResponses } as const
  app.post('/uploads', { schema, config }, async (request, reply) => {
    const { owner, id: requestId, log } = request
    const common = { owner, requestId, log, traceparent: traceparentOf(request.raw) }
    checkQueryEncoding(request.raw.url ?? '')
    const files = arrivingFiles(request, request.query, arriving)
    const key = idempotencyKey(request.headers['idempotency-key'])
    if (key === undefined) {
      const uploads = (await acceptAll(files, common)).map(toAccepted)
      onAccepted?.(wayOf(request.headers, request.query), uploads)
      return answer(reply, uploads)
    }
    const fingerprint = fingerprintOf(request.headers, request.query)
    const once = await acceptOnce(files, { ...common, key, fingerprint })
    if (once.isReplay) reply.header('idempotent-replayed', 'true')
    else onAccepted?.(wayOf(request.headers, request.query), once.answer)
    return answer(reply, once.answer)
  })
}

function answer(reply: FastifyReply, uploads: readonly Accepted[]): FastifyReply {
  reply.code(statusOf(uploads))
  const [upload] = uploads
  if (upload && uploads.length === 1) return reply.header('location', `/uploads/${upload.uploadId}`).send(upload)
  // Not by the schema, which is that of one upload: to choose between two would cost the usual answer as well.
  return reply.type('application/json; charset=utf-8').serializer(JSON.stringify).send({ uploads })
}

/** What the head of a request says that it is. Of a form's content type the boundary is left out, which is another each time. */
function fingerprintOf(headers: FastifyRequest['headers'], query: UploadQuery): string {
  const way = wayOf(headers, query)
  const contentType = way === 'raw' ? (headers['content-type'] ?? '') : ''
  return createHash('sha256')
    .update(JSON.stringify(['POST /uploads', way, query.filename ?? null, contentType]))
    .digest('hex')
}
