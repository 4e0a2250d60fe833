import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import type { KinesisClient } from '@aws-sdk/client-kinesis'
import type { S3Client } from '@aws-sdk/client-s3'
import type { UndiciHttpHandler } from '@smithy/undici-http-handler'
import { beforeDeadline, currentDeadline } from './deadline.ts'

/**
 * Ends every request to AWS at the deadline of the client request that it is made for. This covers requests of the SDK, direct
 * requests, and the bodies of their responses.
 */
export function enforceRequestDeadlines(handler: UndiciHttpHandler): UndiciHttpHandler {
  const send = handler.handle.bind(handler)
  handler.handle = (request, options) => {
    const deadline = currentDeadline()
    if (!deadline) return send(request, options)
    const { signal } = deadline
    const own = options?.abortSignal as AbortSignal | undefined
    // The combined signal lives no longer than the request.
    const abortSignal = own ? AbortSignal.any([own, signal]) : signal
    // The race is needed as well: undici does not abort a request that waits for a connection.
    return deadline.race(send(request, { ...options, abortSignal }))
  }
  return handler
}

/** Ends the work of a client around its requests at the same deadline: loading credentials, and pauses between retries. */
export function enforceClientDeadlines(client: S3Client | KinesisClient | DynamoDBClient): void {
  // The stacks of the clients differ in their types only.
  const { middlewareStack } = client as Pick<S3Client, 'middlewareStack'>
  middlewareStack.add(next => args => beforeDeadline(next(args)), {
    step: 'initialize',
    priority: 'high',
    name: 'requestDeadlines',
  })
}
