import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { ApiConfig } from '../../platform/config/api.ts'
import type { Backend } from '../backend.ts'
import type { UploadLimits } from '../policies/policies.ts'
import type { QuotaLeft } from '../policies/quotas.ts'
import { uploadMethods } from '../policies/upload-method.ts'
import { problemResponses } from '../problems/problem.ts'
import { COMMON_PROBLEMS, security } from './schemas.ts'

/**
 * Maximum size of a body that Lambda gets as a whole, in bytes. An event has at most 6 MB with the body in base64 and all headers, and API
 * Gateway rejects a larger request itself.
 */
export const LAMBDA_MAX_BODY_BYTES = 4_500_000

/** What a deployment accepts from an owner, for clients that choose how to upload a file. */
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
    methods: Type.Array(Type.Enum([...uploadMethods]), {
      description: 'How you can upload a file. Later versions may have more.',
    }),
    allowedTypes: Type.Array(Type.String(), {
      description: 'The media types that are accepted, as patterns such as `image/*`. Empty: all types.',
    }),
    quota: Type.Optional(
      Type.Object(
        {
          bytes: Type.Optional(Type.Integer({ description: 'How many bytes are left.' })),
          uploads: Type.Optional(Type.Integer({ description: 'How many uploads are left.' })),
          resetsAt: Type.String({ description: 'ISO 8601, UTC. When the next day begins.' }),
        },
        {
          additionalProperties: false,
          description: 'What is left of your quota for today. Missing: you have no quota.',
        },
      ),
    ),
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
  description:
    'What this deployment accepts from you, with which a client chooses how to upload a file. If the limits depend on the method, they are the largest of all methods.',
  security,
  response: {
    200: { ...limitsSchema, description: 'The limits.' },
    ...problemResponses('upload-not-allowed', ...COMMON_PROBLEMS),
  },
}

export interface UploadLimitsOptions {
  config: Pick<ApiConfig, 'GATEWAY_MAX_BODY_BYTES' | 'MAX_JSON_BYTES' | 'PENDING_UPLOAD_HOURS'>
  backend: () => Pick<Backend, 'quotas'>
  /** True if requests arrive as a whole, as on Lambda. */
  isBuffered: boolean
}

export const uploadLimits: FastifyPluginAsyncTypebox<UploadLimitsOptions> = async (
  app,
  { config, backend, isBuffered },
) => {
  const maxBodyBytes = config.GATEWAY_MAX_BODY_BYTES ?? (isBuffered ? LAMBDA_MAX_BODY_BYTES : undefined)
  const maxJsonBytes = Math.min(config.MAX_JSON_BYTES, maxBodyBytes ?? config.MAX_JSON_BYTES)
  /** Undefined if a method has no quota. */
  async function quotaOf(owner: string, limits: readonly UploadLimits[]): Promise<QuotaLeft | undefined> {
    const all = new Set(limits.map(({ quota }) => quota))
    if (all.has(undefined)) return undefined
    const left = await Promise.all([...all].flatMap(quota => (quota ? [backend().quotas.left(owner, quota)] : [])))
    const largest = (name: 'bytes' | 'uploads') =>
      left.some(rest => rest[name] === undefined) ? undefined : Math.max(...left.map(rest => rest[name] ?? 0))
    const [bytes, uploads] = [largest('bytes'), largest('uploads')]
    const [first] = left
    return (
      first && {
        resetsAt: first.resetsAt,
        ...(bytes !== undefined && { bytes }),
        ...(uploads !== undefined && { uploads }),
      }
    )
  }

  // Only clients that upload need the limits. API Gateway's authorizer requires a token for every path below /uploads too.
  app.get('/uploads/limits', { schema, config: { access: 'write' } }, async ({ owner, policy }, reply) => {
    const allowed = policy.allowed()
    const limits = [...allowed.values()]
    const quota = await quotaOf(owner, limits)
    const types = limits.map(({ allowedTypes }) => allowedTypes)
    return reply.header('cache-control', 'no-store').send({
      maxFileBytes: Math.max(...limits.map(({ maxBytes }) => maxBytes)),
      ...(maxBodyBytes !== undefined && { maxBodyBytes }),
      maxJsonBytes,
      maxFormFiles: Math.max(...limits.map(({ maxFormFiles }) => maxFormFiles)),
      methods: [...allowed.keys()],
      // An empty list allows every type.
      allowedTypes: types.some(list => list.length === 0) ? [] : [...new Set(types.flat())],
      ...(quota && { quota }),
      pendingHours: config.PENDING_UPLOAD_HOURS,
    })
  })
}
