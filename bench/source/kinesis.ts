import { cbor } from '@smithy/core/cbor'
import { Gate } from './gate.ts'
import { profileOf, SHARDS } from './profile.ts'
import { createReplies, type Format, iteratorOf, parseIterator } from './replies.ts'

interface Request {
  StreamName?: string
  ShardId?: string
  ShardIterator?: string
}

interface SourceStream {
  gate: Gate
  reply: ReturnType<typeof createReplies>
}

const SHARD_RANGE = 2n ** 128n / BigInt(SHARDS)
/** The first digit of a reply's number identifies the shard. */
const SHARD_NUMBER = 100_000_000_000

/** A Kinesis with endless streams, whose replies are prepared in JSON and in CBOR. */
export class SourceKinesis {
  readonly #streams = new Map<string, SourceStream>()
  /** The last request that is not supported. */
  unknown: string | undefined

  release(stream: string): void {
    this.#stream(stream).gate.release(profileOf(stream)?.repliesPerRound ?? 0)
  }

  /** Releases the records of a stream without a limit. */
  open(stream: string): void {
    this.#stream(stream).gate.release(Number.POSITIVE_INFINITY)
  }

  async answer(target: string, format: Format, body: Buffer): Promise<Buffer | undefined> {
    const request: Request = format === 'cbor' ? cbor.deserialize(body) : JSON.parse(body.toString())
    const { StreamName = '', ShardId = '', ShardIterator = '' } = request
    const encode = (value: unknown) =>
      format === 'cbor' ? Buffer.from(cbor.serialize(value)) : Buffer.from(JSON.stringify(value))
    switch (target) {
      case 'Kinesis_20131202.GetRecords':
        return await this.#records(ShardIterator, format, encode)
      case 'Kinesis_20131202.GetShardIterator': {
        const shard = Number(ShardId.at(-1)) + 1
        return encode({ ShardIterator: iteratorOf(StreamName, shard * SHARD_NUMBER) })
      }
      case 'Kinesis_20131202.ListShards':
        return encode({ Shards: Array.from({ length: SHARDS }, (_, shard) => describeShard(shard)) })
      case 'Kinesis_20131202.DescribeStreamSummary':
        return encode({ StreamDescriptionSummary: describeStream(StreamName) })
    }
    this.unknown = target
    return undefined
  }

  async #records(iterator: string, format: Format, encode: (value: unknown) => Buffer): Promise<Buffer> {
    const { stream, number } = parseIterator(iterator)
    const { gate, reply } = this.#stream(stream)
    if (await gate.pass()) return reply(format, number)
    return encode({ Records: [], NextShardIterator: iterator, MillisBehindLatest: 0 })
  }

  #stream(name: string): SourceStream {
    const known = this.#streams.get(name)
    if (known) return known
    const profile = profileOf(name)
    if (!profile) throw new Error(`There is no stream "${name}".`)
    const stream = { gate: new Gate(), reply: createReplies(name, profile) }
    this.#streams.set(name, stream)
    return stream
  }
}

function describeShard(shard: number) {
  const start = SHARD_RANGE * BigInt(shard)
  return {
    ShardId: `shardId-00000000000${shard}`,
    HashKeyRange: { StartingHashKey: String(start), EndingHashKey: String(start + SHARD_RANGE - 1n) },
    SequenceNumberRange: { StartingSequenceNumber: '49600000000000000000000000000000000000000000000000000000' },
  }
}

function describeStream(StreamName: string) {
  return {
    StreamName,
    StreamARN: `arn:aws:kinesis:us-east-1:000000000000:stream/${StreamName}`,
    StreamStatus: 'ACTIVE',
    StreamCreationTimestamp: 1_700_000_000,
    RetentionPeriodHours: 24,
    EnhancedMonitoring: [],
    OpenShardCount: SHARDS,
  }
}
