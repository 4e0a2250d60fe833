import { Type } from 'typebox'
import type { Grant } from '../grants/grants.ts'
import { objectSchema, uploadProperties } from './schemas.ts'

const requestProperties = {
  url: Type.String({ description: 'PUT to it, without credentials.' }),
  headers: Type.Record(Type.String(), Type.String(), { description: 'To be sent as they are: they are signed.' }),
}

/** A grant as its owner sees it. */
export const grantSchema = Type.Object(
  {
    ...uploadProperties,
    sha256: Type.Optional(uploadProperties.sha256),
    status: Type.Literal('pending'),
    s3: objectSchema,
    expiresAt: Type.String({ description: 'ISO 8601, UTC: when the upload is given up, unless it is completed.' }),
    urlsExpireAt: Type.String({ description: 'ISO 8601, UTC. New ones are at `renew`.' }),
    put: Type.Optional(
      Type.Object(requestProperties, { additionalProperties: false, description: 'The whole file in one request.' }),
    ),
    parts: Type.Optional(
      Type.Array(
        Type.Object(
          { partNumber: Type.Integer(), size: Type.Integer(), ...requestProperties },
          { additionalProperties: false },
        ),
        { description: 'A large file, in consecutive parts of these sizes, in any order and side by side.' },
      ),
    ),
    complete: Type.String({ description: 'POST to it when S3 has everything.' }),
    renew: Type.String({ description: 'GET it for new URLs, and to see which parts are missing.' }),
  },
  { additionalProperties: false },
)

/** @param publicPath the path below which clients see the api */
export function toGrant({ upload, ...requests }: Grant, publicPath: string) {
  const { arrival: _arrival, owner: _owner, requestId: _requestId, updatedAt: _at, bucket, key, ...rest } = upload
  const at = `${publicPath}/uploads/${upload.uploadId}`
  return { ...rest, s3: { bucket, key }, ...requests, complete: `${at}/complete`, renew: `${at}/grant` }
}
