import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import type { KinesisClient } from '@aws-sdk/client-kinesis'
import type { S3Client } from '@aws-sdk/client-s3'
import type { UndiciHttpHandler } from '@smithy/undici-http-handler'
import { beforeDeadline, currentDeadline } from './deadline.ts'

/**
 * Ends every request to AWS at the deadline of the request that it is made for: those of the SDK and the direct ones, with the
 * bodies of their answers.
 */
export function heedDeadlines(handler: UndiciHttpHandler): UndiciHttpHandler {
  const send = handler.handle.bind(handler)
  handler.handle = (request, options) => {
    const deadline = currentDeadline()
    if (!deadline) return send(request, options)
    const { signal } = deadline
    const own = options?.abortSignal as AbortSignal | undefined
    // Both live no longer than the request.
    const abortSignal = own ? AbortSignal.any([own, signal]) : signal
    // Raced as well: undici does not end a request that waits for a connection.
    return deadline.race(send(request, { ...options, abortSignal }))
  }
  return handler
}

/** The same for what a client does around its requests: it looks for credentials, and pauses between two tries. */
export function heedDeadlinesOf(client: S3Client | KinesisClient | DynamoDBClient): void {
  // Each client's stack has its own types, and all take this one.
  const { middlewareStack } = client as Pick<S3Client, 'middlewareStack'>
  middlewareStack.add(next => args => beforeDeadline(next(args)), {
    step: 'initialize',
    priority: 'high',
    name: 'heedDeadlines',
  })
}
