import { onlyKnown, wrong } from '../option-checks.ts'
import type { StreamRef } from './stream-ref.ts'

/**
 * The stream consumer for enhanced fan-out: the ARN of a registered stream consumer, or the name of a stream consumer,
 * which is registered if it does not exist.
 */
export type FanOut = { readonly consumerArn: string } | { readonly consumerName: string }

const CONSUMER_ARN = /^arn:aws[\w-]*:kinesis:[\w-]+:\d{12}:stream\/(?<stream>[\w.-]+)\/consumer\/[\w.-]+:\d+$/

/** @throws ConsumerOptionError */
export function resolveFanOut(value: FanOut, { streamName, streamArn }: StreamRef): FanOut {
  const given: { consumerArn?: unknown; consumerName?: unknown } = value ?? {}
  const { consumerArn, consumerName } = onlyKnown('fanOut', given, { consumerArn: true, consumerName: true })
  if (consumerName === undefined && typeof consumerArn === 'string') {
    // A consumer of another stream would deliver foreign records, and overwrite the checkpoints of this stream.
    const isOfStream = CONSUMER_ARN.exec(consumerArn)?.groups?.stream === streamName
    const isOfArn = streamArn === undefined || consumerArn.startsWith(`${streamArn}/`)
    if (isOfStream && isOfArn) return Object.freeze({ consumerArn })
  } else if (consumerArn === undefined && typeof consumerName === 'string') {
    if (/^[a-zA-Z0-9_.-]{1,128}$/.test(consumerName)) return Object.freeze({ consumerName })
  }
  throw wrong(
    'fanOut',
    value,
    `{ consumerArn } of a consumer of '${streamArn ?? streamName}', or { consumerName } of 1 to 128 letters, digits, "_", "." and "-"`,
  )
}
