import { wrong } from '../option-checks.ts'

/** The registered consumer whose subscriptions are read: one that is there, or one that is registered where it is not. */
export type FanOut = { readonly consumerArn: string } | { readonly consumerName: string }

const CONSUMER_ARN = /^arn:aws[\w-]*:kinesis:[\w-]+:\d{12}:stream\/(?<stream>[\w.-]+)\/consumer\/[\w.-]+:\d+$/

/** @throws ConsumerOptionError */
export function resolveFanOut(value: FanOut, stream: string): FanOut {
  const { consumerArn, consumerName }: { consumerArn?: unknown; consumerName?: unknown } = value ?? {}
  if (consumerName === undefined && typeof consumerArn === 'string') {
    // One of another stream would have its records handled, and this stream's checkpoints written over.
    if (CONSUMER_ARN.exec(consumerArn)?.groups?.stream === stream) return Object.freeze({ consumerArn })
  } else if (consumerArn === undefined && typeof consumerName === 'string') {
    if (/^[a-zA-Z0-9_.-]{1,128}$/.test(consumerName)) return Object.freeze({ consumerName })
  }
  throw wrong('fanOut', value, `{ consumerArn } of a consumer of '${stream}', or { consumerName } as Kinesis allows it`)
}
