import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import type { KinesisClient } from '@aws-sdk/client-kinesis'
import type { S3Client } from '@aws-sdk/client-s3'

/** The codes of undici's errors for a response that broke off. */
const TRUNCATED_CODES = new Set(['UND_ERR_SOCKET', 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH', 'UND_ERR_BODY_TIMEOUT'])

/**
 * Makes the SDK retry a request whose connection breaks in the middle of the response. The SDK retries when a connection breaks
 * before the response, but does not know the errors of undici for a break within it. So the error is given a name that the SDK
 * retries.
 *
 * This covers responses that the client reads itself. The body of an S3 object is read by the caller, and is not retried.
 */
export function retryTruncatedResponses(client: S3Client | KinesisClient | DynamoDBClient): void {
  // The stacks of the clients differ in their types only.
  const { middlewareStack } = client as Pick<S3Client, 'middlewareStack'>
  middlewareStack.add(
    next => async args => {
      try {
        return await next(args)
      } catch (error) {
        if (isTruncated(error)) error.name = 'RequestTimeout'
        throw error
      }
    },
    // Outside of the middleware that reads the response, and inside of the one that retries.
    { step: 'deserialize', priority: 'high', name: 'truncatedResponses' },
  )
}

function isTruncated(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && TRUNCATED_CODES.has(String(error.code))
}
