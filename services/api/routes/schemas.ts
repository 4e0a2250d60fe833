import { Type } from 'typebox'
import { uploadStatuses } from '../../uploads/records/record.ts'
import type { ProblemSlug } from '../problems/catalogue.ts'

/** The security of every route that needs a token, for the OpenAPI document. */
export const security = [{ bearer: [] }]

/** The problems of every route that needs a token. */
export const COMMON_PROBLEMS = [
  'bad-request',
  'missing-token',
  'invalid-token',
  'insufficient-scope',
  'too-many-requests',
  'internal-error',
  'unavailable',
  'keys-unavailable',
] as const satisfies readonly ProblemSlug[]

/** The path parameters of every route of one upload. */
export const idParams = Type.Object({ id: Type.String({ description: 'The `uploadId` of the upload.' }) })

/** The schema of a response without a body. */
export const emptyResponse = (description: string, headers?: Record<string, object>) =>
  Type.Unsafe<void>({ type: 'null', description, ...(headers && { headers }) })

export const objectSchema = Type.Object({ bucket: Type.String(), key: Type.String() }, { additionalProperties: false })

export const uploadProperties = {
  uploadId: Type.String({ description: 'UUIDv7. The ids of one owner sort by time.' }),
  filename: Type.String(),
  filenameGenerated: Type.Optional(
    Type.Literal(true, {
      description: 'The request had no name, and `filename` was generated. It has no influence on processing.',
    }),
  ),
  contentType: Type.String({ description: 'The content type that the client declared.' }),
  detectedType: Type.Optional(Type.String({ description: 'The type that the first bytes show, if they show one.' })),
  metadata: Type.Optional(
    Type.Record(Type.String(), Type.String(), { description: 'What you sent with the file, by names of your own.' }),
  ),
  size: Type.Integer({ description: 'bytes. 0 while a resumable upload has not announced its length.' }),
  sha256: Type.Optional(
    Type.String({
      description:
        'Lower-case hex. Missing until the file was processed if S3 could not compute it: for a file in parts, for example.',
    }),
  ),
  uploadedAt: Type.String({ description: 'ISO 8601, UTC' }),
}

/** The response to an accepted upload. */
export const acceptedSchema = Type.Object(
  {
    message: Type.String(),
    s3: objectSchema,
    ...uploadProperties,
    status: Type.Enum(['stored', 'queued', 'scanning', 'processing', 'processed', 'failed', 'quarantined'], {
      description:
        '`stored`: Kinesis did not accept the event yet, and it will be queued later. `queued` is the usual status. A later status is possible if the last request of a granted upload is repeated.',
    }),
  },
  { additionalProperties: false },
)

/** An output of an upload. */
export const outputSchema = Type.Object(
  {
    name: Type.String({ description: '`main`, or a name from the transform.' }),
    contentType: Type.Optional(Type.String()),
    size: Type.Optional(Type.Integer({ description: 'bytes' })),
    filename: Type.Optional(Type.String({ description: 'The name to save it under, if the transform gave one.' })),
    note: Type.Optional(Type.String({ description: 'A note for people, for example that an image is truncated.' })),
    s3: Type.Optional({
      ...objectSchema,
      description: 'Where the output is stored. Missing if it is an item in DynamoDB.',
    }),
  },
  { additionalProperties: false },
)

/** An upload as its owner sees it. */
export const uploadSchema = Type.Object(
  {
    ...uploadProperties,
    sha256: Type.Optional(
      Type.String({
        description:
          'Lower-case hex. For a pending upload only if you announced it. Missing if nobody has read the whole file yet.',
      }),
    ),
    announcedSha256: Type.Optional(
      Type.String({
        description:
          'The digest that you announced, in lower-case hex, while `sha256` is missing. The upload fails if the file has another one.',
      }),
    ),
    expiresAt: Type.Optional(Type.String({ description: 'ISO 8601, UTC. When a pending upload expires.' })),
    status: Type.Enum([...uploadStatuses]),
    s3: objectSchema,
    updatedAt: Type.String({ description: 'ISO 8601, UTC. When the status last changed.' }),
    processed: Type.Optional({ ...objectSchema, description: 'The main output, if it is an object.' }),
    outputs: Type.Optional(
      Type.Array(outputSchema, {
        description:
          'All outputs. Download each from `/uploads/{id}/outputs/{name}`, and `main` from `/processed` too.',
      }),
    ),
    transform: Type.Optional(
      Type.Object(
        { name: Type.String(), version: Type.String() },
        { additionalProperties: false, description: 'The transform that made the outputs.' },
      ),
    ),
    failure: Type.Optional(
      Type.Object(
        {
          code: Type.String({ description: 'Stable, for programs.' }),
          reason: Type.String({ description: 'For people.' }),
        },
        { additionalProperties: false },
      ),
    ),
    scan: Type.Optional(
      Type.Object(
        {
          scanner: Type.Enum(['clamd', 'guardduty']),
          verdict: Type.Enum(['clean', 'infected', 'released'], {
            description: '`released`: an operator released an infected file.',
          }),
          signature: Type.Optional(Type.String({ description: 'The name of the malware.' })),
          at: Type.String({ description: 'ISO 8601, UTC. When the verdict was known.' }),
        },
        { additionalProperties: false, description: 'What the scan for malware found, if the worker has a scanner.' },
      ),
    ),
  },
  { additionalProperties: false },
)
