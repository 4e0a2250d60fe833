import { S3Client } from '@aws-sdk/client-s3'
import { enforceClientDeadlines } from '../../platform/request-deadlines.ts'

/**
 * Returns a client of the same S3, on the same connections, without the SDK's checksums. In a presigned URL the SDK would sign the
 * checksum of an empty body. In a GET it would compare a digest that the api wants to compute.
 *
 * @param endpoint replaces the client's endpoint
 */
export function plainS3({ config }: S3Client, endpoint?: string): S3Client {
  const s3 = new S3Client({
    region: config.region,
    credentials: config.credentials,
    ...(endpoint !== undefined ? { endpoint } : config.endpoint && { endpoint: config.endpoint }),
    forcePathStyle: config.forcePathStyle,
    requestHandler: config.requestHandler,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  })
  enforceClientDeadlines(s3)
  return s3
}
