/** Runs the consumer with default settings, and reports how long each record took from its put to its handler. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { KinesisClient } from '@aws-sdk/client-kinesis'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import { KinesisConsumer } from '../../services/consumer/index.ts'
import { answerParent } from '../lib/channel.ts'
import { setting } from './tally.ts'

export interface LatencySample {
  /** Milliseconds from put to handler, of each record since the last question. */
  latencies: number[]
  /** Number of `fault` events so far. */
  faults: number
  /** Number of leases. */
  held: number
}

let latencies: number[] = []
let faults = 0
const consumer = new KinesisConsumer({
  applicationName: setting('APPLICATION_NAME'),
  streamName: setting('STREAM_NAME'),
  kinesis: new KinesisClient({ requestHandler: new NodeHttpHandler() }),
  dynamodb: new DynamoDBClient({ requestHandler: new NodeHttpHandler() }),
  logger: false,
  handler: ({ data }) => {
    latencies.push(performance.timeOrigin + performance.now() - Number(Buffer.from(data).toString()))
  },
})
consumer.events.on('fault', () => faults++)

answerParent('sample', (): LatencySample => {
  const sample = { latencies, faults, held: consumer.metrics().leases.held }
  latencies = []
  return sample
})
await consumer.start()
