import { createRequire } from 'node:module'
import { createTally, setting } from './tally.ts'

/** The part that is used here. lifion-kinesis has no types. */
interface LifionKinesis {
  on(event: 'data', listener: (batch: { records: unknown[] }) => void): LifionKinesis
  on(event: 'error', listener: (error: Error) => void): LifionKinesis
  startConsumer(): Promise<void>
}

type Lifion = new (options: Record<string, unknown>) => LifionKinesis

const tally = createTally(Number(setting('RECORDS_PER_ROUND')))
const Kinesis: Lifion = createRequire(import.meta.url)(setting('LIFION_MODULE'))
const kinesis = new Kinesis({
  streamName: setting('STREAM_NAME'),
  consumerGroup: setting('STREAM_NAME'),
  initialPositionInStream: 'TRIM_HORIZON',
  createStreamIfNeeded: false,
  pollDelay: 0,
  region: setting('AWS_REGION'),
  endpoint: setting('AWS_ENDPOINT_URL_KINESIS'),
  dynamoDb: { region: setting('AWS_REGION'), endpoint: setting('AWS_ENDPOINT_URL') },
})
kinesis.on('data', ({ records }) => tally(records.length))
kinesis.on('error', error => process.stderr.write(`${error}\n`))
await kinesis.startConsumer()
