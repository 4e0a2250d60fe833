import { type TSchema, Type } from 'typebox'
import { uploadStatuses } from '../../uploads/record.ts'

/** Of every route that needs a token, for the OpenAPI document. */
export const security = [{ bearer: [] }]

/** Of every route of one upload. */
export const idParams = Type.Object({ id: Type.String({ description: 'The `uploadId` of the upload.' }) })

/** An answer without a body. */
export const nothing = (description: string, headers?: Record<string, object>) =>
  Type.Unsafe<void>({ type: 'null', description, ...(headers && { headers }) })

export const objectSchema = Type.Object({ bucket: Type.String(), key: Type.String() }, { additionalProperties: false })

export const uploadProperties = {
  uploadId: Type.String({ description: 'UUIDv7: ids of one owner sort by time.' }),
  filename: Type.String(),
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

/** An upload as its owner sees it. */
export const uploadSchema = Type.Object(
  {
    ...uploadProperties,
    sha256: Type.Optional(Type.String({ description: 'Lower-case hex. While it is pending, only where you said it.' })),
    expiresAt: Type.Optional(Type.String({ description: 'ISO 8601, UTC: when a pending upload is given up.' })),
    status: Type.Enum([...uploadStatuses]),
    s3: objectSchema,
    updatedAt: Type.String({ description: 'ISO 8601, UTC: when the status last changed' }),
    processed: Type.Optional(objectSchema),
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
