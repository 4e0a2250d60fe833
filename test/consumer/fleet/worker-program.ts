/** One worker process of the fleet tests. Writes a line of JSON for every event that the checker needs. */
import { setTimeout as pass } from 'node:timers/promises'
import { KinesisConsumer } from '../../../services/consumer/index.ts'
import { createLocalClients } from '../../../services/local/clients.ts'
import { APPLICATION, STREAM, textOf } from '../support.ts'
import type { FleetEvent } from './checker.ts'

const {
  KINESIS_URL = '',
  DYNAMODB_URL = '',
  WORKER_ID = '',
  FAILOVER_MS = '2000',
  WORK_MS = '0',
  FAN_OUT,
} = process.env

function tell(event: FleetEvent): void {
  process.stdout.write(`${JSON.stringify(event)}\n`)
}

const { kinesis, dynamodb, destroy } = createLocalClients({
  s3: 'http://127.0.0.1:9',
  kinesis: KINESIS_URL,
  dynamodb: DYNAMODB_URL,
})
const worker = WORKER_ID
const consumer = new KinesisConsumer({
  applicationName: APPLICATION,
  streamName: STREAM,
  workerId: worker,
  kinesis,
  dynamodb,
  failoverMs: Number(FAILOVER_MS),
  idleIntervalMs: 200,
  drainTimeoutMs: 5_000,
  shardSyncIntervalMs: 2_000,
  ...(FAN_OUT !== undefined && { fanOut: { consumerName: FAN_OUT } }),
  handler: async record => {
    const about = { worker, shardId: record.shardId, key: record.partitionKey ?? '', n: Number(textOf(record)) }
    tell({ event: 'started', at: Date.now(), ...about })
    await pass(Number(WORK_MS))
    tell({ event: 'handled', at: Date.now(), ...about })
  },
})
consumer.events.on('leaseAcquired', ({ shardId }) => tell({ event: 'acquired', at: Date.now(), worker, shardId }))
consumer.events.on('leaseLost', ({ shardId }) => tell({ event: 'lost', at: Date.now(), worker, shardId }))
process.once('SIGTERM', async () => {
  await consumer.stop()
  destroy()
})
await consumer.start()
