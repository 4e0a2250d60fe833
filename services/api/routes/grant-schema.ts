import { Type } from 'typebox'
import type { Grant } from '../grants/grants.ts'
import { objectSchema, uploadProperties } from './schemas.ts'

const requestProperties = {
  url: Type.String({ description: 'Send a PUT to this URL, without credentials.' }),
  headers: Type.Record(Type.String(), Type.String(), {
    description: 'Send these headers unchanged, because they are signed.',
  }),
}

/** A grant as its owner sees it. */
export const grantSchema = Type.Object(
  {
    ...uploadProperties,
    sha256: Type.Optional(uploadProperties.sha256),
    status: Type.Literal('pending'),
    s3: objectSchema,
    expiresAt: Type.String({ description: 'ISO 8601, UTC. When the upload expires, unless it is completed.' }),
    urlsExpireAt: Type.String({ description: 'ISO 8601, UTC. Get new URLs from `renew`.' }),
    put: Type.Optional(
      Type.Object(requestProperties, {
        additionalProperties: false,
        description: 'Sends the whole file in one request.',
      }),
    ),
    parts: Type.Optional(
      Type.Array(
        Type.Object(
          {
            partNumber: Type.Integer(),
            offset: Type.Integer({ description: 'Where the part begins in the file, in bytes.' }),
            size: Type.Integer({ description: 'bytes' }),
            ...requestProperties,
          },
          { additionalProperties: false },
        ),
        { description: 'Send a large file in consecutive parts of these sizes, in any order and concurrently.' },
      ),
    ),
    complete: Type.String({ description: 'Send a POST to this path when S3 has the whole file.' }),
    renew: Type.String({ description: 'GET this path for new URLs of the missing parts.' }),
  },
  { additionalProperties: false },
)

/** @param publicPath the path under which clients see the api */
export function toGrant({ upload, ...requests }: Grant, publicPath: string) {
  const { arrival: _arrival, owner: _owner, requestId: _requestId, updatedAt: _at, bucket, key, ...rest } = upload
  const at = `${publicPath}/uploads/${upload.uploadId}`
  return { ...rest, s3: { bucket, key }, ...requests, complete: `${at}/complete`, renew: `${at}/grant` }
}
