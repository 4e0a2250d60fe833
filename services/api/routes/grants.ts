import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { isUploadId } from '../../uploads/records/upload-id.ts'
import { readJsonBody } from '../body-formats/json-body.ts'
import type { Grants } from '../grants/grants.ts'
import { createPatience, type PatienceSettings } from '../http/min-body-rate.ts'
import { ignoreBodies } from '../http/no-body.ts'
import type { GrantOnce } from '../idempotency/grant-once.ts'
import { idempotencyKey } from '../idempotency/key.ts'
import { ProblemError, problemResponses } from '../problems/problem.ts'
import { toAccepted } from './accepted.ts'
import { grantSchema, toGrant } from './grant-schema.ts'
import { acceptedSchema, COMMON_PROBLEMS, security } from './schemas.ts'
import { noSuchUpload, uploadIdParams } from './upload-id.ts'

const wanted = Type.Object(
  {
    filename: Type.String({ examples: ['scan.tif'] }),
    contentType: Type.String({ examples: ['image/tiff'] }),
    size: Type.Integer({ minimum: 0, description: 'Of the whole file, in bytes.' }),
    sha256: Type.Optional(
      Type.String({ pattern: '^[0-9a-fA-F]{64}$', description: 'Of the whole file, in hex. S3 refuses another.' }),
    ),
  },
  { additionalProperties: false },
)

const createSchema = {
  operationId: 'createGrant',
  tags: ['uploads'],
  summary: 'Ask to upload a file to S3 directly',
  description:
    'The answer has a presigned PUT, or one for each part of a large file. Send the file, then POST to `complete`: the upload is accepted by that and not before.',
  security,
  headers: Type.Object({
    'idempotency-key': Type.Optional(
      Type.String({
        description:
          'Grants one upload, however often it is asked for with the same key: the same one, with new URLs. Kept for a day.',
      }),
    ),
  }),
  body: wanted,
  response: {
    201: { ...grantSchema, description: 'Granted.' },
    ...problemResponses(
      'invalid-body',
      'malformed-json',
      'invalid-filename',
      'invalid-content-type',
      'invalid-digest',
      'digest-mismatch',
      'invalid-idempotency-key',
      'idempotency-key-in-use',
      'idempotency-key-reused',
      'incomplete-body',
      'request-timeout',
      'payload-too-large',
      'unsupported-media-type',
      ...COMMON_PROBLEMS,
    ),
  },
}

const renewSchema = {
  operationId: 'renewGrant',
  tags: ['uploads'],
  summary: 'Get new URLs for what is missing of a granted upload',
  security,
  params: uploadIdParams,
  response: {
    200: { ...grantSchema, description: 'The grant, with new URLs.' },
    ...problemResponses('not-found', ...COMMON_PROBLEMS),
  },
}

const completeSchema = {
  operationId: 'completeUpload',
  tags: ['uploads'],
  summary: 'Say that a granted upload has arrived',
  description: 'S3 is asked; nothing is believed. Any number of times: the answer is what the upload is by then.',
  security,
  params: uploadIdParams,
  response: {
    200: {
      ...acceptedSchema(Type.Enum(['queued', 'processing', 'processed', 'failed'])),
      description: 'Stored, and queued for processing, or further by now.',
    },
    202: { ...acceptedSchema(Type.Literal('stored')), description: 'Stored. It will be queued for processing.' },
    ...problemResponses(
      'not-found',
      'not-arrived',
      'arrival-refused',
      'content-type-contradicted',
      'content-type-not-allowed',
      ...COMMON_PROBLEMS,
    ),
  },
}

const config = { access: 'write' } as const

export interface GrantsOptions {
  grants: Grants
  /** For requests with an `Idempotency-Key`. */
  grantOnce: GrantOnce
  /** Bytes. */
  maxJsonBytes: number
  /** How slowly a body may arrive. */
  patience: PatienceSettings
}

export const grants: FastifyPluginAsyncTypebox<GrantsOptions> = async (app, options) => {
  await app.register(createGrant, options)
  await app.register(goOnWithGrant, options)
}

const createGrant: FastifyPluginAsyncTypebox<GrantsOptions> = async (app, options) => {
  const { grants, grantOnce, maxJsonBytes, patience } = options
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', (request: FastifyRequest, payload: unknown) =>
    readJsonBody(request, payload, { maxBytes: maxJsonBytes, patience: createPatience(patience) }),
  )

  app.post('/uploads/grants', { schema: createSchema, config }, async (request, reply) => {
    const { owner, id: requestId, log, body } = request
    const announced = { ...body, sha256: body.sha256?.toLowerCase(), owner, requestId }
    const key = idempotencyKey(request.headers['idempotency-key'])
    const once = key === undefined ? undefined : await grantOnce(announced, key, log)
    const grant = once?.grant ?? (await grants.create(announced, log))
    if (once?.isReplay) reply.header('idempotent-replayed', 'true')
    reply.header('location', `/uploads/${grant.upload.uploadId}`).header('cache-control', 'no-store')
    return reply.code(201).send(toGrant(grant, app.publicPath))
  })
}

const goOnWithGrant: FastifyPluginAsyncTypebox<GrantsOptions> = async (app, { grants }) => {
  ignoreBodies(app)

  // It gives out presigned PUTs, which a read-only token must not get.
  app.get('/uploads/:id/grant', { schema: renewSchema, config }, async (request, reply) => {
    const { owner } = request
    const uploadId = request.params.id
    const grant = isUploadId(uploadId) ? await grants.renew({ owner, uploadId }) : undefined
    if (!grant) throw new ProblemError('not-found', 'You have no upload with this id that waits for its file.')
    return reply.header('cache-control', 'no-store').send(toGrant(grant, app.publicPath))
  })

  app.post('/uploads/:id/complete', { schema: completeSchema, config }, async (request, reply) => {
    const { owner, log } = request
    const uploadId = request.params.id
    const upload = isUploadId(uploadId) ? await grants.complete({ owner, uploadId }, log) : undefined
    if (!upload) throw noSuchUpload()
    const { status } = upload
    if (status === 'stored') {
      return reply.code(202).send({ ...toAccepted(upload), status })
    }
    return reply.code(200).send({ ...toAccepted(upload), status })
  })
}
