import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { KinesisClient } from '@aws-sdk/client-kinesis'
import { cbor } from '@smithy/core/cbor'
import { EventStreamCodec } from '@smithy/core/event-streams'
import { fromUtf8, toUtf8 } from '@smithy/core/serde'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import type { Test } from 'tap'

/** The only shard of the stream. */
export const AUTO_SHARD = 'shardId-000000000000'

const CBOR = 'application/x-amz-cbor-1.1'
const JSON_1_1 = 'application/x-amz-json-1.1'
const EVENT_STREAM = 'application/vnd.amazon.eventstream'
const LAST_HASH_KEY = String(2n ** 128n - 1n)

interface StoredRecord {
  readonly SequenceNumber: string
  /** Epoch milliseconds. */
  readonly arrivedAt: number
  readonly Data: Buffer
  /** Undefined if the producer set none. */
  readonly PartitionKey: string | undefined
}

export interface AutoRequest {
  readonly operation: string
  readonly input: Record<string, unknown>
}

export interface AutoStreamSettings {
  /** Whether the server speaks CBOR. Otherwise it rejects CBOR, and is read in JSON. */
  speaksCbor?: boolean
}

/**
 * Starts a Kinesis endpoint with one stream of one shard, whose record distribution strategy is AUTO. It accepts records
 * without a partition key and returns them without one, in CBOR, in JSON and in the event stream of SubscribeToShard. The
 * emulators of Kinesis require a key.
 */
export async function startAutoStream(t: Pick<Test, 'teardown'>, { speaksCbor = true }: AutoStreamSettings = {}) {
  const records: StoredRecord[] = []
  const subscribers = new Set<(added: readonly StoredRecord[]) => void>()
  const requests: AutoRequest[] = []

  function put(Data: Buffer, PartitionKey: string | undefined): StoredRecord {
    const SequenceNumber = String(10n ** 55n + BigInt(records.length))
    const record = { SequenceNumber, arrivedAt: Date.now(), Data, PartitionKey }
    records.push(record)
    for (const push of subscribers) push([record])
    return record
  }

  /** Returns the index of the record at a position. */
  function indexOf(type: unknown, sequenceNumber: unknown): number {
    if (type === 'LATEST') return records.length
    if (type !== 'AT_SEQUENCE_NUMBER' && type !== 'AFTER_SEQUENCE_NUMBER') return 0
    const index = records.findIndex(record => record.SequenceNumber === sequenceNumber)
    return type === 'AFTER_SEQUENCE_NUMBER' ? index + 1 : index
  }

  function reply(operation: string, input: Record<string, unknown>): Record<string, unknown> {
    switch (operation) {
      case 'ListShards':
        return {
          Shards: [
            {
              ShardId: AUTO_SHARD,
              HashKeyRange: { StartingHashKey: '0', EndingHashKey: LAST_HASH_KEY },
              SequenceNumberRange: { StartingSequenceNumber: String(10n ** 55n - 1n) },
            },
          ],
        }
      case 'GetShardIterator':
        return { ShardIterator: `from ${indexOf(input.ShardIteratorType, input.StartingSequenceNumber)}` }
      case 'PutRecord': {
        const { SequenceNumber } = put(Buffer.from(String(input.Data), 'base64'), textOf(input.PartitionKey))
        return { ShardId: AUTO_SHARD, SequenceNumber }
      }
      default:
        throw new Error(`The stream does not support ${operation}.`)
    }
  }

  function getRecords(input: Record<string, unknown>, convert: (record: StoredRecord) => unknown) {
    const from = Number(String(input.ShardIterator).split(' ')[1])
    const found = records.slice(from, from + Number(input.Limit ?? 10_000))
    const NextShardIterator = `from ${from + found.length}`
    return { Records: found.map(convert), NextShardIterator, MillisBehindLatest: 0 }
  }

  /** Pushes records until the client closes the connection. */
  function subscribe(input: Record<string, unknown>, response: ServerResponse): void {
    const position = input.StartingPosition as Record<string, unknown>
    response.writeHead(200, { 'content-type': EVENT_STREAM })
    response.write(encodeEvent('initial-response', {}))
    const push = (added: readonly StoredRecord[]) => {
      const ContinuationSequenceNumber = records.at(-1)?.SequenceNumber ?? '0'
      const event = { Records: added.map(toJson), ContinuationSequenceNumber, MillisBehindLatest: 0 }
      response.write(encodeEvent('SubscribeToShardEvent', event))
    }
    push(records.slice(indexOf(position.Type, position.SequenceNumber)))
    subscribers.add(push)
    response.once('close', () => subscribers.delete(push))
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(request)
    const operation = String(request.headers['x-amz-target']).split('.')[1] ?? ''
    const isCbor = request.headers['content-type'] === CBOR
    const input: Record<string, unknown> = isCbor ? cbor.deserialize(body) : JSON.parse(body.toString())
    requests.push({ operation, input })
    if (!isCbor) {
      if (operation === 'SubscribeToShard') return subscribe(input, response)
      const output = operation === 'GetRecords' ? getRecords(input, toJson) : reply(operation, input)
      response.writeHead(200, { 'content-type': JSON_1_1 }).end(JSON.stringify(output))
    } else if (speaksCbor) {
      const output = getRecords(input, toCbor)
      response.writeHead(200, { 'content-type': CBOR }).end(Buffer.from(cbor.serialize(output)))
    } else response.writeHead(415, { 'content-type': 'text/plain' }).end()
  }

  const server = createServer((request, response) => {
    serve(request, response).catch((error: Error) => {
      response.writeHead(400, { 'content-type': JSON_1_1 })
      response.end(JSON.stringify({ __type: 'ValidationException', message: error.message }))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    return new Promise(resolve => server.close(resolve))
  })
  const kinesis = new KinesisClient({
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    region: 'us-east-1',
    credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' },
    requestHandler: new NodeHttpHandler(),
  })
  t.teardown(() => kinesis.destroy())
  return {
    kinesis,
    /** The requests, in order. */
    requests,
    records,
    put: (text: string, partitionKey?: string) => put(Buffer.from(text), partitionKey),
    putBytes: put,
  }
}

const textOf = (value: unknown) => (typeof value === 'string' ? value : undefined)

/** A value that is undefined is omitted, as by Kinesis. */
function toJson({ arrivedAt, Data, ...record }: StoredRecord) {
  return { ...record, ApproximateArrivalTimestamp: arrivedAt / 1_000, Data: Data.toString('base64') }
}

function toCbor({ arrivedAt, PartitionKey, ...record }: StoredRecord) {
  return { ...record, ApproximateArrivalTimestamp: arrivedAt, ...(PartitionKey !== undefined && { PartitionKey }) }
}

const codec = new EventStreamCodec(toUtf8, fromUtf8)

function encodeEvent(type: string, value: unknown): Uint8Array {
  const text = (header: string) => ({ type: 'string' as const, value: header })
  return codec.encode({
    headers: {
      ':message-type': text('event'),
      ':event-type': text(type),
      ':content-type': text('application/json'),
    },
    body: Buffer.from(JSON.stringify(value)),
  })
}
