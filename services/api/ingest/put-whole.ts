import { PutObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { getEndpointFromInstructions } from '@smithy/core/endpoints'
import { createSendDirect } from '../../platform/direct-request.ts'

/** An object that is in memory whole. */
export interface WholeObject {
  key: string
  body: Uint8Array
  contentType: string
  metadata: Readonly<Record<string, string>>
  /** Lower-case hex. S3 holds what arrives to it, and keeps it. */
  sha256: string
}

/** Throws what the SDK does. */
export type PutWhole = (object: WholeObject) => Promise<void>

/**
 * Most uploads are small and take this way, so that what it costs the process is worth a way of its own: the digest that
 * the record needs signs the request too. Where that does not succeed the SDK's way is taken, which puts the same again.
 */
export function createPutWhole(s3: S3Client, bucket: string): PutWhole {
  const send = createSendDirect(s3.config, 's3', () =>
    getEndpointFromInstructions({ Bucket: bucket }, PutObjectCommand, s3.config),
  )
  return async ({ key, body, contentType, metadata, sha256 }) => {
    const checksum = Buffer.from(sha256, 'hex').toString('base64')
    const headers: Record<string, string> = {
      'content-type': contentType,
      'x-amz-content-sha256': sha256,
      'x-amz-checksum-sha256': checksum,
    }
    for (const [name, value] of Object.entries(metadata)) headers[`x-amz-meta-${name}`] = value
    // An error says no more than a refusal: the SDK will have it too, and tell.
    const request = { method: 'PUT', path: `/${escapeKey(key)}`, headers, body, sha256 } as const
    const done = await send(request).catch(() => undefined)
    if (done) return
    const input = { Bucket: bucket, Key: key, Body: body, ContentType: contentType, Metadata: { ...metadata } }
    await s3.send(new PutObjectCommand({ ...input, ChecksumSHA256: checksum }))
  }
}

/** As S3's signature wants it: what a URL needs not escape and RFC 3986 reserves is escaped too, slashes are not. */
function escapeKey(key: string): string {
  return encodeURIComponent(key)
    .replaceAll('%2F', '/')
    .replace(/[!'()*]/g, character => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
}
