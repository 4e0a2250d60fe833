import { Type } from 'typebox'
import { jsonUploadSchema } from '../body-formats/json.ts'
import { problemResponses } from '../problems/problem.ts'
import { acceptedSchema, COMMON_PROBLEMS, security } from './schemas.ts'

const file = { type: 'string', format: 'binary' }

/** The body in the OpenAPI document. As the schema of the route it would validate every body, including raw files. */
export const openapiBody = {
  content: {
    'application/json': { schema: jsonUploadSchema },
    'multipart/form-data': {
      schema: {
        type: 'object',
        properties: {
          filename: { type: 'string', description: 'The name of the file that follows.' },
          'repr-digest': { type: 'string', description: 'The digest of the file that follows, as in RFC 9530.' },
          file: { ...file, description: 'One or several files.' },
        },
        required: ['file'],
      },
    },
    'application/octet-stream': { schema: { ...file, description: 'Any content type, with `?filename=`.' } },
  },
}

/** The response to a form with several files. */
export const severalSchema = Type.Object(
  { uploads: Type.Array(acceptedSchema, { minItems: 2 }) },
  { additionalProperties: false },
)

/** The successful responses in the OpenAPI document: one upload, or the uploads of a form with several files. */
export const openapiResponses = {
  200: oneOrSeveral('Stored and queued for processing.'),
  202: oneOrSeveral('Stored. It will be queued for processing.'),
}

function oneOrSeveral(description: string) {
  return { description, content: { 'application/json': { schema: { oneOf: [acceptedSchema, severalSchema] } } } }
}

export const schema = {
  operationId: 'createUpload',
  tags: ['uploads'],
  summary: 'Upload a file',
  description:
    'Send JSON, a form with one or several files, or the bytes of one file with its name in the query. Either all files of a form are accepted or none.',
  security,
  querystring: Type.Object({
    filename: Type.Optional(
      Type.String({ description: 'The name of the file. With it, the body is the file itself.' }),
    ),
  }),
  headers: Type.Object({
    'idempotency-key': Type.Optional(
      Type.String({
        description:
          'A repeated request with the same key returns the first response and uploads nothing. Keys are stored for one day.',
      }),
    ),
    'content-digest': Type.Optional(
      Type.String({ description: 'The digest of the body (RFC 9530). The api verifies it.' }),
    ),
    'repr-digest': Type.Optional(Type.String({ description: 'Same as `content-digest`.' })),
  }),
  response: {
    200: { ...acceptedSchema, description: 'Stored and queued for processing.' },
    202: { ...acceptedSchema, description: 'Stored. It will be queued for processing.' },
    ...problemResponses(
      'invalid-body',
      'malformed-json',
      'invalid-filename',
      'invalid-content-type',
      'invalid-metadata',
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
      'upload-not-allowed',
      'quota-exceeded',
      'request-timeout',
      ...COMMON_PROBLEMS,
    ),
  },
}
