import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { ApiConfig } from '../../platform/config/api.ts'
import { parseList } from '../../platform/config/formats.ts'
import { problemResponses } from '../problems/problem.ts'
import { COMMON_PROBLEMS, security } from './schemas.ts'

/**
 * Maximum size of a body that Lambda gets as a whole, in bytes. An event has at most 6 MB with the body in base64 and all headers, and API
 * Gateway rejects a larger request itself.
 */
export const LAMBDA_MAX_BODY_BYTES = 4_500_000

/** What a deployment accepts, for clients that choose how to upload a file. */
export const limitsSchema = Type.Object(
  {
    maxFileBytes: Type.Integer({ description: 'Maximum size of a file, in bytes, however it is uploaded.' }),
    maxBodyBytes: Type.Optional(
      Type.Integer({
        description:
          'Maximum size of the body of one request to the api, in bytes. Upload larger files by a grant, or by tus in chunks of this size. Missing: a body may have the size of a file.',
      }),
    ),
    maxJsonBytes: Type.Integer({ description: 'Maximum size of a JSON body, in bytes.' }),
    maxFormFiles: Type.Integer({ description: 'Maximum number of files in a form.' }),
    methods: Type.Array(Type.Enum(['json', 'form', 'raw', 'grant', 'tus']), {
      description: 'How a file can be uploaded. Later versions may have more.',
    }),
    allowedTypes: Type.Array(Type.String(), {
      description: 'The media types that are accepted, as patterns such as `image/*`. Empty: all types.',
    }),
    pendingHours: Type.Integer({
      description: 'Maximum time between the first and the last request of a grant or a tus upload, in hours.',
    }),
  },
  { additionalProperties: false },
)

const schema = {
  operationId: 'getUploadLimits',
  tags: ['uploads'],
  summary: 'Get the limits for uploads',
  description: 'The limits of this deployment, with which a client chooses how to upload a file.',
  security,
  response: { 200: { ...limitsSchema, description: 'The limits.' }, ...problemResponses(...COMMON_PROBLEMS) },
}

export interface UploadLimitsOptions {
  config: Pick<
    ApiConfig,
    | 'ALLOWED_TYPES'
    | 'GATEWAY_MAX_BODY_BYTES'
    | 'MAX_FORM_FILES'
    | 'MAX_JSON_BYTES'
    | 'MAX_UPLOAD_BYTES'
    | 'PENDING_UPLOAD_HOURS'
  >
  /** True if requests arrive as a whole, as on Lambda. */
  isBuffered: boolean
}

export const uploadLimits: FastifyPluginAsyncTypebox<UploadLimitsOptions> = async (app, { config, isBuffered }) => {
  const maxBodyBytes = config.GATEWAY_MAX_BODY_BYTES ?? (isBuffered ? LAMBDA_MAX_BODY_BYTES : undefined)
  const limits = {
    maxFileBytes: config.MAX_UPLOAD_BYTES,
    ...(maxBodyBytes !== undefined && { maxBodyBytes }),
    maxJsonBytes: Math.min(config.MAX_JSON_BYTES, maxBodyBytes ?? config.MAX_JSON_BYTES),
    maxFormFiles: config.MAX_FORM_FILES,
    methods: ['json' as const, 'form' as const, 'raw' as const, 'grant' as const, 'tus' as const],
    allowedTypes: [...parseList(config.ALLOWED_TYPES)],
    pendingHours: config.PENDING_UPLOAD_HOURS,
  }
  // Only clients that upload need the limits. API Gateway's authorizer requires a token for every path below /uploads too.
  app.get('/uploads/limits', { schema, config: { access: 'write' } }, async (_request, reply) =>
    reply.header('cache-control', 'no-store').send(limits),
  )
}
