import { hash } from 'node:crypto'
import { PutObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { getEndpointFromInstructions } from '@smithy/core/endpoints'
import { createSendDirect } from '../direct/request.ts'
import { type NewObject, objectHeaders, objectParams } from './new-object.ts'
import { escapeKey } from './object-key.ts'

/** An object that is in memory whole. */
export interface WholeObject extends NewObject {
  body: Uint8Array
  /** Lower-case hex, where it is known already. */
  sha256?: string
}

/** Throws what the SDK does, and when the signal fires. */
export type PutWhole = (object: WholeObject, signal?: AbortSignal) => Promise<void>

/**
 * Most uploads are small and take this way, so that what it costs the process is worth a way of its own: the digest that
 * the record needs signs the request too, and S3 holds what arrives to it and keeps it. Where that does not succeed the
 * SDK's way is taken, which puts the same again.
 */
export function createPutWhole(s3: S3Client, bucket: string): PutWhole {
  const send = createSendDirect(s3.config, 's3', () =>
    getEndpointFromInstructions({ Bucket: bucket }, PutObjectCommand, s3.config),
  )
  return async (object, signal) => {
    const { body, sha256 = hash('sha256', body) } = object
    const checksum = Buffer.from(sha256, 'hex').toString('base64')
    const headers = { ...objectHeaders(object), 'x-amz-checksum-sha256': checksum }
    const request = { method: 'PUT', path: `/${escapeKey(object.key)}`, headers, body, payloadHash: sha256 } as const
    const abortable = signal && { signal }
    // An error says no more than a refusal: the SDK will have it too, and tell.
    if (await send({ ...request, ...abortable }).catch(() => undefined)) return
    const command = new PutObjectCommand({ ...objectParams(bucket, object), Body: body, ChecksumSHA256: checksum })
    await s3.send(command, signal && { abortSignal: signal })
  }
}
