import { S3Client } from '@aws-sdk/client-s3'
import { heedDeadlinesOf } from '../../platform/heed-deadlines.ts'

/**
 * The same S3 without the SDK's own checksums, on the same connections. They would be in the way here: one of the body that
 * the SDK sees, which is none, would be signed into a URL; and the digest of an object is to be found, not compared.
 *
 * @param endpoint in place of the client's own
 */
export function plainS3({ config }: S3Client, endpoint: string | undefined = undefined): S3Client {
  const s3 = new S3Client({
    region: config.region,
    credentials: config.credentials,
    ...(endpoint !== undefined ? { endpoint } : config.endpoint && { endpoint: config.endpoint }),
    forcePathStyle: config.forcePathStyle,
    requestHandler: config.requestHandler,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  })
  heedDeadlinesOf(s3)
  return s3
}
