/** Runs the consumer with a handler that is slower than its stream, and reports its memory on request. */
import { setTimeout as pass } from 'node:timers/promises'
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { KinesisClient } from '@aws-sdk/client-kinesis'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import { KinesisConsumer } from '../../services/consumer/index.ts'
import { answerParent } from '../lib/channel.ts'
import { setting } from './tally.ts'

/** In bytes, except the numbers of records, leases and shards. */
export interface MemorySample {
  rss: number
  heapUsed: number
  external: number
  /** The bytes of records that the consumer counts against its budget. */
  buffered: number
  handled: number
  /** Number of leases. */
  held: number
  /** Number of shards of which records were handled. */
  shards: number
}

const handlerMs = Number(setting('HANDLER_MS'))
const seen = new Set<string>()
const consumer = new KinesisConsumer({
  applicationName: setting('STREAM_NAME'),
  streamName: setting('STREAM_NAME'),
  kinesis: new KinesisClient({ requestHandler: new NodeHttpHandler() }),
  dynamodb: new DynamoDBClient({ requestHandler: new NodeHttpHandler() }),
  maxBufferedBytes: Number(setting('BUDGET_BYTES')),
  async handler({ shardId }) {
    seen.add(shardId)
    await pass(handlerMs)
  },
})
consumer.events.on('fault', ({ operation, error }) => process.stderr.write(`${operation}: ${error}\n`))

answerParent('memory', (): MemorySample => {
  const { rss, heapUsed, external } = process.memoryUsage()
  const { bytes, records, leases } = consumer.metrics()
  const { buffered } = bytes
  return { rss, heapUsed, external, buffered, handled: records.handled, held: leases.held, shards: seen.size }
})
await consumer.start()
