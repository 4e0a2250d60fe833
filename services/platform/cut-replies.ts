import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import type { KinesisClient } from '@aws-sdk/client-kinesis'
import type { S3Client } from '@aws-sdk/client-s3'

/** How undici calls a reply that ended before its end. */
const CUT = new Set(['UND_ERR_SOCKET', 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH', 'UND_ERR_BODY_TIMEOUT'])

/**
 * A connection that breaks before a reply is trouble that passes, to the SDK, and is tried again. One that breaks in the middle
 * of a reply is not: its error has a name that the SDK does not know. Here it gets the name of the other.
 *
 * For replies that the client reads itself. The body of an object is read by whoever asked for it.
 */
export function retryCutReplies(client: S3Client | KinesisClient | DynamoDBClient): void {
  // Each client's stack has its own types, and all take this one.
  const { middlewareStack } = client as Pick<S3Client, 'middlewareStack'>
  middlewareStack.add(
    next => async args => {
      try {
        return await next(args)
      } catch (error) {
        if (isCut(error)) error.name = 'RequestTimeout'
        throw error
      }
    },
    // Around what reads the reply, and inside of what tries again.
    { step: 'deserialize', priority: 'high', name: 'cutReplies' },
  )
}

function isCut(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && CUT.has(String(error.code))
}
