import { type TSchema, Type } from 'typebox'
import { jsonUploadSchema } from '../body-formats/json.ts'
import { problemResponses } from '../problems/problem.ts'
import { acceptedSchema, COMMON_PROBLEMS, security } from './schemas.ts'

const file = { type: 'string', format: 'binary' }

/** What the OpenAPI document says of the body. As the route's own schema it would be held against every body. */
export const openapiBody = {
  content: {
    'application/json': { schema: jsonUploadSchema },
    'multipart/form-data': {
      schema: {
        type: 'object',
        properties: {
          filename: { type: 'string', description: 'Names the file behind it.' },
          'repr-digest': { type: 'string', description: 'The digest of the file behind it, as in RFC 9530.' },
          file: { ...file, description: 'One file, or several.' },
        },
        required: ['file'],
      },
    },
    'application/octet-stream': { schema: { ...file, description: 'Any content type, with `?filename=`.' } },
  },
}

const queued = acceptedSchema(Type.Literal('queued'))
const stored = acceptedSchema(Type.Literal('stored'))

/** What the document says of successes: an upload, or the uploads of a form with several files. */
export const openapiResponses = {
  200: oneOrSeveral('Stored, and queued for processing.', queued, queued),
  202: oneOrSeveral(
    'Stored. It will be queued for processing.',
    stored,
    acceptedSchema(Type.Enum(['stored', 'queued'])),
  ),
}

function oneOrSeveral(description: string, one: TSchema, each: TSchema) {
  const several = Type.Object({ uploads: Type.Array(each, { minItems: 2 }) }, { additionalProperties: false })
  return { description, content: { 'application/json': { schema: { oneOf: [one, several] } } } }
}

export const schema = {
  operationId: 'createUpload',
  tags: ['uploads'],
  summary: 'Upload a file',
  description:
    'As JSON, as a form with one file or several, or as the bytes of the file with its name in the query. Several files are taken all together or not at all.',
  security,
  querystring: Type.Object({
    filename: Type.Optional(Type.String({ description: 'Names the file. With it, the body is the file.' })),
  }),
  headers: Type.Object({
    'idempotency-key': Type.Optional(
      Type.String({
        description:
          'Makes the upload once, however often it is sent with the same key: the answer is the first one again. Kept for a day.',
      }),
    ),
    'content-digest': Type.Optional(Type.String({ description: 'The digest of the body (RFC 9530). It is checked.' })),
    'repr-digest': Type.Optional(Type.String({ description: 'The same here as `content-digest`.' })),
  }),
  response: {
    200: { ...queued, description: 'Stored, and queued for processing.' },
    202: { ...stored, description: 'Stored. It will be queued for processing.' },
    ...problemResponses(
      'invalid-body',
      'malformed-json',
      'invalid-filename',
      'invalid-content-type',
      'invalid-digest',
      'invalid-idempotency-key',
      'idempotency-key-in-use',
      'idempotency-key-reused',
      'digest-mismatch',
      'malformed-multipart',
      'missing-file',
      'too-many-files',
      'incomplete-body',
      'payload-too-large',
      'unsupported-media-type',
      'content-type-contradicted',
      'content-type-not-allowed',
      'request-timeout',
      ...COMMON_PROBLEMS,
    ),
  },
}
