import { setImmediate as soon } from 'node:timers/promises'
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { KinesisClient } from '@aws-sdk/client-kinesis'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import { type Clock, systemClock } from '../../services/consumer/clock.ts'
import { KinesisConsumer } from '../../services/consumer/index.ts'
import { createTally, setting } from './tally.ts'

const LONGEST_PAUSE_MS = 900

/**
 * The consumer pauses between two fetches because of Kinesis's limits. This clock skips these pauses, since no other
 * contender pauses. Longer waits are unchanged.
 */
const unpaced: Clock = {
  now: systemClock.now,
  sleep: (ms, signal) => (ms > LONGEST_PAUSE_MS ? systemClock.sleep(ms, signal) : soon()),
}

const tally = createTally(Number(setting('RECORDS_PER_ROUND')))
const consumer = new KinesisConsumer(
  {
    applicationName: setting('STREAM_NAME'),
    streamName: setting('STREAM_NAME'),
    kinesis: new KinesisClient({ requestHandler: new NodeHttpHandler() }),
    dynamodb: new DynamoDBClient({ requestHandler: new NodeHttpHandler() }),
    handler: async () => tally(1),
  },
  { clock: unpaced },
)
consumer.events.on('fault', ({ operation, error }) => process.stderr.write(`${operation}: ${error}\n`))
await consumer.start()
