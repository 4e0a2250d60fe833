import type { SubscribeToShardCommand } from '@aws-sdk/client-kinesis'

/**
 * Sends a command without the retries of its client. SubscribeToShard may be called only once a second, and the reader
 * of the shard keeps to that.
 *
 * @throws the error of the only attempt
 */
export async function sendWithoutRetries<Reply>(
  command: SubscribeToShardCommand,
  send: () => Promise<Reply>,
): Promise<Reply> {
  command.middlewareStack.addRelativeTo(
    <Args, Answer>(next: (args: Args) => Promise<Answer>) =>
      async (args: Args) => {
        try {
          return await next(args)
        } catch (error) {
          throw new FailedAttempt(error)
        }
      },
    { name: 'sendWithoutRetries', relation: 'after', toMiddleware: 'retryMiddleware' },
  )
  try {
    return await send()
  } catch (error) {
    throw error instanceof FailedAttempt ? error.fault : error
  }
}

/**
 * Wraps the error so that the SDK does not find it and retry. The SDK would look into a `cause`, so the error is in
 * another field.
 */
class FailedAttempt extends Error {
  readonly fault: unknown

  constructor(fault: unknown) {
    super('The call failed and must not be retried.')
    this.fault = fault
  }
}
