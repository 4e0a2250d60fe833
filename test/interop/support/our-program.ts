/** A worker of ours in a process of its own, which a test can kill. Writes the same lines of JSON as the Java workers. */
import { once } from 'node:events'
import { KinesisConsumer } from '../../../services/consumer/index.ts'
import { createLocalClients } from '../../../services/local/clients.ts'

const { INTEROP_KINESIS_ENDPOINT = '', INTEROP_DYNAMODB_ENDPOINT = '', INTEROP_STREAM = '' } = process.env
const { INTEROP_APPLICATION = '', INTEROP_WORKER_ID = '', INTEROP_FAILOVER_MS = '' } = process.env

function emit(type: string, fields: Record<string, string> = {}): void {
  process.stdout.write(`${JSON.stringify({ type, atMicros: Date.now() * 1_000, ...fields })}\n`)
}

const { kinesis, dynamodb, destroy } = createLocalClients({
  kinesis: INTEROP_KINESIS_ENDPOINT,
  dynamodb: INTEROP_DYNAMODB_ENDPOINT,
  s3: 'http://127.0.0.1:9',
})
const consumer = new KinesisConsumer({
  applicationName: INTEROP_APPLICATION,
  streamName: INTEROP_STREAM,
  kinesis,
  dynamodb,
  workerId: INTEROP_WORKER_ID,
  failoverMs: Number(INTEROP_FAILOVER_MS),
  shardSyncIntervalMs: 5_000,
  handler: async ({ shardId, sequenceNumber, data }) => {
    emit('record', { shardId, sequenceNumber, text: Buffer.from(data).toString() })
  },
})
consumer.events.on('leaseAcquired', ({ shardId, checkpoint }) => {
  emit('initialized', { shardId, checkpoint: checkpoint.sequenceNumber })
})
const stopped = once(process, 'SIGTERM')
await consumer.start()
emit('started')
await stopped
await consumer.stop()
destroy()
