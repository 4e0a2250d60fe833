import multipart from '@fastify/multipart'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { AcceptUpload } from '../ingest/accept-upload.ts'
import { problemResponses } from '../problems/problem.ts'
import { fromJson, jsonUploadSchema } from '../ways/json.ts'
import { fromMultipart, multipartOptions } from '../ways/multipart.ts'
import { checkQueryEncoding } from '../ways/query.ts'
import { fromRaw } from '../ways/raw.ts'
import { type ArrivingFile, type UploadQuery, wayOf } from '../ways/way.ts'
import { acceptedSchema, security, toAccepted } from './schemas.ts'

export interface CreateUploadOptions {
  acceptUpload: AcceptUpload
  /** Bytes. */
  maxJsonBytes: number
}

const file = { type: 'string', format: 'binary' }

/** What the OpenAPI document says of the body. As the route's own schema it would be held against every body. */
const openapiBody = {
  content: {
    'application/json': { schema: jsonUploadSchema },
    'multipart/form-data': {
      schema: {
        type: 'object',
        properties: { filename: { type: 'string', description: 'Names the file. Before it in the form.' }, file },
        required: ['file'],
      },
    },
    'application/octet-stream': { schema: { ...file, description: 'Any content type, with `?filename=`.' } },
  },
}

const schema = {
  operationId: 'createUpload',
  tags: ['uploads'],
  summary: 'Upload a file',
  description: 'As JSON, as a form with one file, or as the bytes of the file with its name in the query.',
  security,
  querystring: Type.Object({
    filename: Type.Optional(Type.String({ description: 'Names the file. With it, the body is the file.' })),
  }),
  response: {
    200: { ...acceptedSchema(Type.Literal('queued')), description: 'Stored, and queued for processing.' },
    202: { ...acceptedSchema(Type.Literal('stored')), description: 'Stored. It will be queued for processing.' },
    ...problemResponses(
      'invalid-body',
      'malformed-json',
      'invalid-filename',
      'invalid-content-type',
      'malformed-multipart',
      'missing-file',
      'too-many-files',
      'incomplete-body',
      'missing-token',
      'invalid-token',
      'payload-too-large',
      'unsupported-media-type',
      'internal-error',
      'unavailable',
      'keys-unavailable',
    ),
  },
}

export const createUpload: FastifyPluginAsyncTypebox<CreateUploadOptions> = async (app, options) => {
  const { acceptUpload, maxJsonBytes } = options

  // Every body comes as a stream; what it is shows in the handler, from the query too.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, payload, done) => done(null, payload))
  await app.register(multipart, multipartOptions)

  function arrivingFile(request: FastifyRequest, query: UploadQuery): ArrivingFile | Promise<ArrivingFile> {
    const way = wayOf(request.headers, query)
    if (way === 'json') return fromJson(request, maxJsonBytes)
    return way === 'raw' ? fromRaw(request, query) : fromMultipart(request, query)
  }

  app.post('/uploads', { schema, config: { openapiBody }, onRequest: app.authenticate }, async (request, reply) => {
    const { owner, id: requestId, log } = request
    checkQueryEncoding(request.raw.url ?? '')
    const arriving = await arrivingFile(request, request.query)
    const upload = await acceptUpload({ ...arriving, owner, requestId, log })
    reply.header('location', `/uploads/${upload.uploadId}`)
    if (upload.status === 'queued') {
      return reply
        .code(200)
        .send({ message: 'Uploaded and queued for processing', ...toAccepted(upload), status: 'queued' })
    }
    return reply
      .code(202)
      .send({ message: 'Stored; it will be queued for processing', ...toAccepted(upload), status: 'stored' })
  })
}
