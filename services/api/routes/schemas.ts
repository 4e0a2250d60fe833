import { type TSchema, Type } from 'typebox'
import { uploadStatuses } from '../../uploads/records/record.ts'
import type { ProblemSlug } from '../problems/catalogue.ts'

/** Of every route that needs a token, for the OpenAPI document. */
export const security = [{ bearer: [] }]

/** What every route that needs a token may answer with, whatever it does. */
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

/** Of every route of one upload. */
export const idParams = Type.Object({ id: Type.String({ description: 'The `uploadId` of the upload.' }) })

/** An answer without a body. */
export const nothing = (description: string, headers?: Record<string, object>) =>
  Type.Unsafe<void>({ type: 'null', description, ...(headers && { headers }) })

export const objectSchema = Type.Object({ bucket: Type.String(), key: Type.String() }, { additionalProperties: false })

export const uploadProperties = {
  uploadId: Type.String({ description: 'UUIDv7: ids of one owner sort by time.' }),
  filename: Type.String(),
  filenameGenerated: Type.Optional(
    Type.Literal(true, {
      description: 'You gave no name, and `filename` is made up. It has no influence on what is made of the file.',
    }),
  ),
  contentType: Type.String({ description: 'As the client has called it.' }),
  detectedType: Type.Optional(Type.String({ description: 'As its first bytes show, where they do.' })),
  size: Type.Integer({ description: 'bytes' }),
  sha256: Type.String({ description: 'lower-case hex' }),
  uploadedAt: Type.String({ description: 'ISO 8601, UTC' }),
}

/** The answer to an upload. */
export const acceptedSchema = <S extends TSchema>(status: S) =>
  Type.Object(
    {
      message: Type.String(),
      s3: objectSchema,
      ...uploadProperties,
      status,
    },
    { additionalProperties: false },
  )

/** Something that was made of an upload. */
const outputSchema = Type.Object(
  {
    name: Type.String({ description: '`main`, or what the transform calls it.' }),
    contentType: Type.Optional(Type.String()),
    size: Type.Optional(Type.Integer({ description: 'bytes' })),
    filename: Type.Optional(
      Type.String({ description: 'What it is to be saved as, where the transform has said it.' }),
    ),
    note: Type.Optional(
      Type.String({ description: 'What you should know of it, such as that an image is cut off. For people.' }),
    ),
    s3: Type.Optional({ ...objectSchema, description: 'Where it lies. Left out: in an item of DynamoDB.' }),
  },
  { additionalProperties: false },
)

/** An upload as its owner sees it. */
export const uploadSchema = Type.Object(
  {
    ...uploadProperties,
    sha256: Type.Optional(Type.String({ description: 'Lower-case hex. While it is pending, only where you said it.' })),
    expiresAt: Type.Optional(Type.String({ description: 'ISO 8601, UTC: when a pending upload is given up.' })),
    status: Type.Enum([...uploadStatuses]),
    s3: objectSchema,
    updatedAt: Type.String({ description: 'ISO 8601, UTC: when the status last changed' }),
    processed: Type.Optional({ ...objectSchema, description: 'The main output, where it is an object.' }),
    outputs: Type.Optional(
      Type.Array(outputSchema, {
        description:
          'All that was made of it: `/uploads/{id}/outputs/{name}` gives each out, and `/processed` the one named `main`.',
      }),
    ),
    transform: Type.Optional(
      Type.Object(
        { name: Type.String(), version: Type.String() },
        { additionalProperties: false, description: 'What made them.' },
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
  },
  { additionalProperties: false },
)
