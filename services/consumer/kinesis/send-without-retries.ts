import type { SubscribeToShardCommand } from '@aws-sdk/client-kinesis'

/**
 * Sends a command without the retries of its client: SubscribeToShard may be called once a second only, and whoever reads
 * the shard keeps to that.
 *
 * @throws what the only attempt was answered with
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
    { name: 'onlyOnce', relation: 'after', toMiddleware: 'retryMiddleware' },
  )
  try {
    return await send()
  } catch (error) {
    throw error instanceof FailedAttempt ? error.fault : error
  }
}

/** Bears the error where the SDK's retries do not look for one that may be tried again; they do look into a `cause`. */
class FailedAttempt extends Error {
  readonly fault: unknown

  constructor(fault: unknown) {
    super('The call failed and is not to be made again.')
    this.fault = fault
  }
}
