import { Socket } from 'node:net'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { checkClientMetadata } from '../../uploads/objects/client-metadata.ts'
import { isUploadId } from '../../uploads/records/upload-id.ts'
import type { Backend } from '../backend.ts'
import { metadataSchema } from '../body-formats/json.ts'
import { readJsonBody } from '../body-formats/json-body.ts'
import { ignoreBodies } from '../http/ignore-bodies.ts'
import { createBodyRateGuard, type MinBodyRate } from '../http/min-body-rate.ts'
import { idempotencyKey } from '../idempotency/idempotency-key.ts'
import { ProblemError, problemResponses } from '../problems/problem.ts'
import { toAccepted } from './accepted.ts'
import { grantSchema, toGrant } from './grant-schema.ts'
import { acceptedSchema, COMMON_PROBLEMS, idParams, security } from './schemas.ts'
import { noSuchUpload } from './upload-id.ts'

const grantRequestSchema = Type.Object(
  {
    filename: Type.String({ examples: ['scan.tif'] }),
    contentType: Type.String({ examples: ['image/tiff'] }),
    size: Type.Integer({ minimum: 0, description: 'Size of the whole file, in bytes.' }),
    metadata: Type.Optional(metadataSchema),
    sha256: Type.Optional(
      Type.String({
        pattern: '^[0-9a-fA-F]{64}$',
        description:
          'SHA-256 of the whole file, in hex. S3 rejects a file with another one. A file in parts with another one is accepted and then fails.',
      }),
    ),
  },
  { additionalProperties: false },
)

const createSchema = {
  operationId: 'createGrant',
  tags: ['uploads'],
  summary: 'Request a grant to upload a file directly to S3',
  description:
    'The response has a presigned PUT, or one for each part of a large file. Send the file, then POST to `complete`, which accepts the upload.',
  security,
  headers: Type.Object({
    'idempotency-key': Type.Optional(
      Type.String({
        description:
          'A repeated request with the same key returns the same upload with new URLs. Keys are stored for one day.',
      }),
    ),
  }),
  body: grantRequestSchema,
  response: {
    201: { ...grantSchema, description: 'The grant.' },
    ...problemResponses(
      'invalid-body',
      'malformed-json',
      'invalid-filename',
      'invalid-content-type',
      'invalid-metadata',
      'invalid-digest',
      'digest-mismatch',
      'invalid-idempotency-key',
      'idempotency-key-in-use',
      'idempotency-key-reused',
      'incomplete-body',
      'request-timeout',
      'payload-too-large',
      'upload-not-allowed',
      'quota-exceeded',
      'unsupported-media-type',
      ...COMMON_PROBLEMS,
    ),
  },
}

const renewSchema = {
  operationId: 'renewGrant',
  tags: ['uploads'],
  summary: 'Get new URLs for the missing parts of a granted upload',
  security,
  params: idParams,
  response: {
    200: { ...grantSchema, description: 'The grant, with new URLs.' },
    ...problemResponses('not-found', ...COMMON_PROBLEMS),
  },
}

const completeSchema = {
  operationId: 'completeUpload',
  tags: ['uploads'],
  summary: 'Complete a granted upload',
  description:
    'The api checks in S3 that the file has arrived. It does not read the file, so a large file takes no longer than a small one. A request may be repeated: the response has the current status of the upload.',
  security,
  params: idParams,
  response: {
    200: {
      ...acceptedSchema,
      description: 'Stored and queued for processing, or already processed.',
    },
    202: { ...acceptedSchema, description: 'Stored. It will be queued for processing.' },
    ...problemResponses(
      'not-found',
      'not-arrived',
      'arrival-refused',
      'content-type-contradicted',
      'content-type-not-allowed',
      'upload-not-allowed',
      'quota-exceeded',
      ...COMMON_PROBLEMS,
    ),
  },
}

const config = { access: 'write' } as const

export interface GrantsOptions {
  backend: () => Pick<Backend, 'grants' | 'grantOnce'>
  /** Bytes. */
  maxJsonBytes: number
  minBodyRate: MinBodyRate
}

export const grants: FastifyPluginAsyncTypebox<GrantsOptions> = async (app, options) => {
  await app.register(createGrant, options)
  await app.register(existingGrant, options)
}

const createGrant: FastifyPluginAsyncTypebox<GrantsOptions> = async (app, options) => {
  const { backend, maxJsonBytes, minBodyRate } = options
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', (request: FastifyRequest, payload: unknown) =>
    readJsonBody(request, payload, { maxBytes: maxJsonBytes, rateGuard: createBodyRateGuard(minBodyRate) }),
  )

  app.post('/uploads/grants', { schema: createSchema, config }, async (request, reply) => {
    const { owner, id: requestId, log, body } = request
    const limits = request.policy.limitsFor('grant')
    const grantRequest = {
      ...body,
      metadata: checkClientMetadata(body.metadata ?? {}),
      sha256: body.sha256?.toLowerCase(),
      owner,
      requestId,
      limits,
    }
    const key = idempotencyKey(request.headers['idempotency-key'])
    const { grants, grantOnce } = backend()
    const once = key === undefined ? undefined : await grantOnce(grantRequest, key, log)
    const grant = once?.grant ?? (await grants.create(grantRequest, log))
    if (once?.isReplay) reply.header('idempotent-replayed', 'true')
    reply.header('location', `/uploads/${grant.upload.uploadId}`).header('cache-control', 'no-store')
    return reply.code(201).send(toGrant(grant, app.publicPath))
  })
}

const existingGrant: FastifyPluginAsyncTypebox<GrantsOptions> = async (app, { backend }) => {
  ignoreBodies(app)

  // The response has presigned PUTs, which a client with a read-only token must not get.
  app.get('/uploads/:id/grant', { schema: renewSchema, config }, async (request, reply) => {
    const { owner } = request
    const uploadId = request.params.id
    const grant = isUploadId(uploadId) ? await backend().grants.renew({ owner, uploadId }) : undefined
    if (!grant) throw new ProblemError('not-found', 'You have no pending upload with this id that was granted.')
    return reply.header('cache-control', 'no-store').send(toGrant(grant, app.publicPath))
  })

  app.post('/uploads/:id/complete', { schema: completeSchema, config }, async (request, reply) => {
    const { owner, log } = request
    const uploadId = request.params.id
    // S3 may need minutes to join the parts of a large file, longer than a silent connection may last. The deadline of the request still
    // ends it. Node sets the limit again for the next request of the connection.
    if (request.raw.socket instanceof Socket) request.raw.socket.setTimeout(0)
    const { inspector } = request.policy.limitsFor('grant')
    const upload = isUploadId(uploadId)
      ? await backend().grants.complete({ owner, uploadId }, log, inspector)
      : undefined
    if (!upload) throw noSuchUpload()
    const { status } = upload
    if (status === 'stored') {
      return reply.code(202).send({ ...toAccepted(upload), status })
    }
    return reply.code(200).send({ ...toAccepted(upload), status })
  })
}
