/** A worker of the takeover benchmark. It reports which leases it has acquired, and when. */
import { KinesisConsumer } from '../../services/consumer/index.ts'
import { createLocalClients } from '../../services/local/clients.ts'
import { answerParent } from '../lib/channel.ts'

const { KINESIS_URL = '', DYNAMODB_URL = '', STREAM_NAME = '', APPLICATION_NAME = '', FAILOVER_MS } = process.env

export interface Acquisition {
  shardId: string
  /** Epoch milliseconds. */
  at: number
}

const { kinesis, dynamodb, destroy } = createLocalClients({
  s3: 'http://127.0.0.1:9',
  kinesis: KINESIS_URL,
  dynamodb: DYNAMODB_URL,
})
const consumer = new KinesisConsumer({
  applicationName: APPLICATION_NAME,
  streamName: STREAM_NAME,
  kinesis,
  dynamodb,
  handler: async () => undefined,
  ...(FAILOVER_MS === undefined ? {} : { failoverMs: Number(FAILOVER_MS) }),
})
const acquisitions: Acquisition[] = []
consumer.events.on('leaseAcquired', ({ shardId }) => acquisitions.push({ shardId, at: Date.now() }))

answerParent('pid', () => process.pid)
answerParent('acquisitions', () => acquisitions)
answerParent('shards', () => consumer.snapshot().length)
process.once('SIGTERM', async () => {
  await consumer.stop()
  destroy()
  process.exit(0)
})
await consumer.start()
