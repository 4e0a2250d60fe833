import {
  DescribeStreamConsumerCommand,
  DescribeStreamSummaryCommand,
  type KinesisClient,
  RegisterStreamConsumerCommand,
  ResourceInUseException,
  ResourceNotFoundException,
} from '@aws-sdk/client-kinesis'
import type { Clock } from '../clock.ts'
import { StreamReplyError } from '../errors.ts'
import type { StreamRef } from './stream-ref.ts'

export interface RegistrationSettings extends StreamRef {
  kinesis: KinesisClient
  consumerName: string
  clock: Clock
  signal: AbortSignal
}

/** DescribeStreamConsumer is allowed 20 times a second per account, and becoming ACTIVE takes seconds. */
const POLL_INTERVAL_MS = 1_000

/**
 * Registers a consumer of the stream for enhanced fan-out if none has this name. Any number of workers may do so at
 * once. The consumer stays registered, and costs money, until somebody deregisters it.
 *
 * @returns the ARN of the consumer, once it is ACTIVE
 */
export async function registerConsumer(settings: RegistrationSettings): Promise<string> {
  const { kinesis, consumerName, clock, signal } = settings
  const bounded = { abortSignal: signal }
  const StreamARN = settings.streamArn ?? (await arnOf(settings))
  const named = { StreamARN, ConsumerName: consumerName }

  while (!signal.aborted) {
    const described = await unless(ResourceNotFoundException, () =>
      kinesis.send(new DescribeStreamConsumerCommand(named), bounded),
    )
    const { ConsumerARN, ConsumerStatus } = described?.ConsumerDescription ?? {}
    if (ConsumerARN && ConsumerStatus === 'ACTIVE') return ConsumerARN
    // ResourceInUseException: another worker was faster, or a consumer of this name is still being deleted.
    const register = () => kinesis.send(new RegisterStreamConsumerCommand(named), bounded)
    if (!described) await unless(ResourceInUseException, register)
    await clock.sleep(POLL_INTERVAL_MS, signal)
  }
  throw signal.reason
}

async function arnOf({ kinesis, streamName, signal }: RegistrationSettings): Promise<string> {
  const command = new DescribeStreamSummaryCommand({ StreamName: streamName })
  const { StreamDescriptionSummary: summary } = await kinesis.send(command, { abortSignal: signal })
  if (summary?.StreamARN) return summary.StreamARN
  throw new StreamReplyError(`DescribeStreamSummary returned no ARN for '${streamName}'.`)
}

async function unless<Reply>(
  expected: typeof ResourceNotFoundException | typeof ResourceInUseException,
  call: () => Promise<Reply>,
): Promise<Reply | undefined> {
  try {
    return await call()
  } catch (error) {
    if (error instanceof expected) return undefined
    throw error
  }
}
