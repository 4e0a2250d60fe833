import { hash } from 'node:crypto'
import { PutObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { getEndpointFromInstructions } from '@smithy/core/endpoints'
import { createFallBack } from '../direct/fall-back.ts'
import { createSendDirect } from '../direct/request.ts'
import { type NewObject, objectHeaders, objectParams, objectPath } from './new-object.ts'

/** An object whose bytes are all in memory. */
export interface WholeObject extends NewObject {
  body: Uint8Array
  /** SHA-256 of the body in lower-case hex. Computed if it is unset. */
  sha256?: string
}

/** Puts an object. Rejects with the error of the SDK, or with an abort error when the signal fires. */
export type PutWhole = (object: WholeObject, signal?: AbortSignal) => Promise<void>

/**
 * Puts objects by a direct request, and by the SDK if the direct request fails. Most uploads are small and stored this way, so its cost
 * matters. The SHA-256 that the upload record needs also signs the request, and S3 verifies the object against it.
 */
export function createPutWhole(s3: S3Client, bucket: string): PutWhole {
  const send = createSendDirect(s3.config, 's3', () =>
    getEndpointFromInstructions({ Bucket: bucket }, PutObjectCommand, s3.config),
  )
  const fallBack = createFallBack('S3')
  return async (object, signal) => {
    const { body, sha256 = hash('sha256', body) } = object
    const checksum = Buffer.from(sha256, 'hex').toString('base64')
    const headers = { ...objectHeaders(object), 'x-amz-checksum-sha256': checksum }
    const path = objectPath(object.key)
    const command = { ...objectParams(bucket, object), Body: body, ChecksumSHA256: checksum }
    await fallBack(
      () => send({ method: 'PUT', path, headers, body, payloadHash: sha256, signal }),
      () => s3.send(new PutObjectCommand(command), signal && { abortSignal: signal }),
    )
  }
}
