import { createHash } from 'node:crypto'
import multipart from '@fastify/multipart'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Backend } from '../backend.ts'
import { multipartOptions } from '../body-formats/form-reader.ts'
import { type IncomingFilesSettings, incomingFiles } from '../body-formats/incoming-files.ts'
import {
  checkQueryEncoding,
  type UploadFormat,
  type UploadQuery,
  uploadFormatOf,
} from '../body-formats/upload-format.ts'
import { traceparentOf } from '../http/trace-context.ts'
import { idempotencyKey } from '../idempotency/idempotency-key.ts'
import type { UploadMethod } from '../policies/upload-method.ts'
import { type Accepted, statusOf, toAccepted } from './accepted.ts'
import { openapiBody, openapiResponses, schema } from './create-upload-schema.ts'

/** The names of the formats in rules and in `GET /uploads/limits`. */
const METHODS: Readonly<Record<UploadFormat, UploadMethod>> = { json: 'json', multipart: 'form', raw: 'raw' }

export interface CreateUploadOptions {
  backend: () => Pick<Backend, 'acceptAll' | 'acceptOnce'>
  fileSettings: IncomingFilesSettings
  /** MAX_FORM_FILES. */
  maxFormFiles: number
  /** Called once for every accepted request. */
  onAccepted?: ((format: UploadFormat, uploads: readonly Accepted[]) => void) | undefined
}

export const createUpload: FastifyPluginAsyncTypebox<CreateUploadOptions> = async (app, options) => {
  const { backend, fileSettings, maxFormFiles, onAccepted } = options

  // Every body is passed on as a stream. The handler finds its format from the headers and the query.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, payload, done) => done(null, payload))
  // Fastify rejects an empty Content-Type. It means the same as none.
  app.addHook('onRequest', async ({ raw: { headers } }) => {
    if (headers['content-type']?.trim() === '') delete headers['content-type']
  })
  await app.register(multipart, multipartOptions(maxFormFiles))

  const config = { access: 'write', openapiBody, openapiResponses } as const
  app.post('/uploads', { schema, config }, async (request, reply) => {
    const { owner, id: requestId, log } = request
    checkQueryEncoding(request.raw.url ?? '')
    const limits = request.policy.limitsFor(METHODS[uploadFormatOf(request.headers, request.query)])
    const common = { owner, limits, requestId, log, traceparent: traceparentOf(request.raw) }
    const files = incomingFiles(request, request.query, limits, fileSettings)
    const key = idempotencyKey(request.headers['idempotency-key'])
    if (key === undefined) {
      const uploads = (await backend().acceptAll(files, common)).map(toAccepted)
      onAccepted?.(uploadFormatOf(request.headers, request.query), uploads)
      return answer(reply, uploads)
    }
    const fingerprint = fingerprintOf(request.headers, request.query)
    const once = await backend().acceptOnce(files, { ...common, key, fingerprint })
    if (once.isReplay) reply.header('idempotent-replayed', 'true')
    else onAccepted?.(uploadFormatOf(request.headers, request.query), once.answer)
    return answer(reply, once.answer)
  })
}

function answer(reply: FastifyReply, uploads: readonly Accepted[]): FastifyReply {
  reply.code(statusOf(uploads))
  const [upload] = uploads
  if (upload && uploads.length === 1) return reply.header('location', `/uploads/${upload.uploadId}`).send(upload)
  // The schema describes one upload. A schema for both cases would make the common case slower too.
  return reply.type('application/json; charset=utf-8').serializer(JSON.stringify).send({ uploads })
}

/** Returns a digest of the parts of a request's head that make it a different request. The boundary of a form is not one of them. */
function fingerprintOf(headers: FastifyRequest['headers'], query: UploadQuery): string {
  const format = uploadFormatOf(headers, query)
  const contentType = format === 'raw' ? (headers['content-type'] ?? '') : ''
  return createHash('sha256')
    .update(JSON.stringify(['POST /uploads', format, query.filename ?? null, contentType]))
    .digest('hex')
}
