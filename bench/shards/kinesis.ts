import { cbor } from '@smithy/core/cbor'
import { ReadLimits } from './read-limits.ts'
import { createBacklog, MAX_RECORDS, type PutRecord, replyOf } from './replies.ts'

export interface ShardsSettings {
  shards: number
  /** `backlog`: every shard always has more records. `live`: records are put all the time. `idle`: there are none. */
  kind: 'backlog' | 'live' | 'idle'
  /** Bytes of data in each record of a backlog. */
  recordBytes: number
  /** Milliseconds between two records of a live shard. */
  recordEveryMs: number
}

interface Request {
  ShardId?: string
  ShardIterator?: string
  Limit?: number
}

interface LiveShard {
  limits: ReadLimits
  records: PutRecord[]
}

export interface ShardsAnswer {
  status: number
  body: Buffer
}

/** About the length of an iterator of Kinesis. */
const ITERATOR_LENGTH = 220

/** A Kinesis with one stream of many shards, which honors `Limit` and the limits of Kinesis for the reads of a shard. */
export class ShardsKinesis {
  readonly #settings: ShardsSettings
  readonly #shards: LiveShard[]
  readonly #backlog: ReturnType<typeof createBacklog>
  readonly #range: bigint
  #put = 0
  /** The last request that is not supported. */
  unknown: string | undefined

  constructor(settings: ShardsSettings) {
    this.#settings = settings
    this.#shards = Array.from({ length: settings.shards }, () => ({ limits: new ReadLimits(), records: [] }))
    this.#backlog = createBacklog(settings.recordBytes)
    this.#range = 2n ** 128n / BigInt(settings.shards)
    if (settings.kind === 'live') this.#putRegularly()
  }

  /** Number of rejected calls so far. */
  get throttled(): number {
    return this.#shards.reduce((sum, { limits }) => sum + limits.throttled, 0)
  }

  answer(target: string, isCbor: boolean, body: Buffer): ShardsAnswer {
    const encode = (value: unknown) => Buffer.from(isCbor ? cbor.serialize(value) : JSON.stringify(value))
    const request: Request = isCbor ? cbor.deserialize(body) : JSON.parse(body.toString())
    switch (target) {
      case 'Kinesis_20131202.GetRecords':
        return this.#records(request, encode)
      case 'Kinesis_20131202.GetShardIterator':
        return { status: 200, body: encode({ ShardIterator: iteratorOf(Number(request.ShardId?.slice(8)), 0) }) }
      case 'Kinesis_20131202.ListShards':
        return { status: 200, body: encode({ Shards: this.#shards.map((_, shard) => this.#describe(shard)) }) }
    }
    this.unknown = target
    return { status: 501, body: Buffer.alloc(0) }
  }

  #records({ ShardIterator = '', Limit = MAX_RECORDS }: Request, encode: (value: unknown) => Buffer): ShardsAnswer {
    const [shardNumber = '', from = ''] = ShardIterator.split('/')
    const [shard, first] = [Number(shardNumber), Number(from)]
    const { limits, records } = this.#shards[shard] ?? { limits: new ReadLimits(), records: [] }
    const now = performance.now()
    if (!limits.admit(now)) {
      const error = { __type: 'ProvisionedThroughputExceededException', message: `Rate exceeded for shard ${shard}` }
      return { status: 400, body: encode(error) }
    }
    if (this.#settings.kind === 'backlog') {
      const page = this.#backlog(first, Limit, count => iteratorOf(shard, first + count))
      limits.charge(page.bytes, now)
      return { status: 200, body: page.reply }
    }
    const found = records.slice(first, first + Limit)
    return { status: 200, body: replyOf(found, iteratorOf(shard, first + found.length)) }
  }

  /** Puts records one after the other, spread over the shards, so that they do not all arrive at once. */
  #putRegularly(): void {
    const everyMs = this.#settings.recordEveryMs / this.#shards.length
    const startedAt = performance.now()
    setInterval(
      () => {
        const due = Math.floor((performance.now() - startedAt) / everyMs)
        for (; this.#put < due; this.#put++) {
          const at = performance.timeOrigin + performance.now()
          this.#shards[this.#put % this.#shards.length]?.records.push({ number: this.#put, at })
        }
      },
      Math.max(1, Math.floor(everyMs)),
    ).unref()
  }

  #describe(shard: number) {
    const start = this.#range * BigInt(shard)
    const isLast = shard === this.#shards.length - 1
    return {
      ShardId: `shardId-${String(shard).padStart(12, '0')}`,
      HashKeyRange: {
        StartingHashKey: String(start),
        EndingHashKey: String(isLast ? 2n ** 128n - 1n : start + this.#range - 1n),
      },
      SequenceNumberRange: { StartingSequenceNumber: '49600000000000000000000000000000000000000000000000000000' },
    }
  }
}

const iteratorOf = (shard: number, next: number) => `${shard}/${next}/`.padEnd(ITERATOR_LENGTH, 'A')
