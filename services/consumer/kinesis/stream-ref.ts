import type { KinesisClient } from '@aws-sdk/client-kinesis'
import { ConsumerOptionError } from '../errors.ts'
import { wrong } from '../option-checks.ts'

/** A stream: by its name, in the account of the credentials, or by its ARN, in any account. */
export interface StreamRef {
  /** The name, also if the stream is given by its ARN. */
  readonly streamName: string
  /** Sent with every request if the stream is given by its ARN. */
  readonly streamArn?: string | undefined
}

const NAME = /^[a-zA-Z0-9_.-]{1,128}$/
const ARN =
  /^arn:aws[\w-]*:kinesis:(?<region>[a-z0-9-]+):(?<account>\d{12}):stream\/(?<streamName>[a-zA-Z0-9_.-]{1,128})$/

/** The parts of the ARN of a stream. */
export interface StreamArn {
  readonly region: string
  readonly account: string
  readonly streamName: string
}

/** Returns undefined if the text is not the ARN of a stream. */
export function parseStreamArn(text: string): StreamArn | undefined {
  const { region, account, streamName } = ARN.exec(text)?.groups ?? {}
  if (region === undefined || account === undefined || streamName === undefined) return undefined
  return { region, account, streamName }
}

/**
 * Validates the options that name the stream.
 *
 * @throws ConsumerOptionError unless exactly one of them is given, and valid
 */
export function resolveStream({ streamName, streamArn }: { streamName?: unknown; streamArn?: unknown }): StreamRef {
  if (streamArn === undefined) {
    if (typeof streamName === 'string' && NAME.test(streamName)) return { streamName, streamArn: undefined }
    const name = 'the name of a Kinesis stream: 1 to 128 of letters, digits, "_", "." and "-"'
    throw wrong('streamName', streamName, streamName === undefined ? `${name}. Or give 'streamArn'` : name)
  }
  if (streamName !== undefined)
    throw new ConsumerOptionError("The options 'streamName' and 'streamArn' both name the stream. Give one of them.")
  const parsed = typeof streamArn === 'string' ? parseStreamArn(streamArn) : undefined
  if (typeof streamArn === 'string' && parsed) return { streamName: parsed.streamName, streamArn }
  throw wrong('streamArn', streamArn, 'the ARN of a Kinesis stream: arn:aws:kinesis:REGION:ACCOUNT:stream/NAME')
}

/** Returns the parameters of a request that name the stream. */
export function streamInput({ streamName, streamArn }: StreamRef): { StreamName: string } | { StreamARN: string } {
  return streamArn === undefined ? { StreamName: streamName } : { StreamARN: streamArn }
}

/**
 * Checks that the client sends its requests to the region of the stream. Another region would answer that the stream
 * does not exist.
 *
 * @throws ConsumerOptionError
 */
export async function checkRegion({ streamArn }: StreamRef, kinesis: Pick<KinesisClient, 'config'>): Promise<void> {
  if (streamArn === undefined) return
  const region = await kinesis.config.region()
  const expected = parseStreamArn(streamArn)?.region
  if (region === expected) return
  throw new ConsumerOptionError(
    `The stream '${streamArn}' is in the region ${expected}, but the KinesisClient uses ${region}. Create the client with region: '${expected}'.`,
  )
}
