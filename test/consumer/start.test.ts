import { DescribeTableCommand, ResourceNotFoundException } from '@aws-sdk/client-dynamodb'
import { CreateStreamCommand, DeleteStreamCommand, waitUntilStreamNotExists } from '@aws-sdk/client-kinesis'
import t from 'tap'
import { StreamMissingError } from '../../services/consumer/index.ts'
import { awaitStream } from '../../services/consumer/shards/await-stream.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { APPLICATION, collector, STREAM, startStream } from './support.ts'

const named = (name: string) => Object.assign(new Error(name), { name })

t.test('start rejects if the stream does not exist, and creates no lease table', async t => {
  const { consumer: create, dynamodb } = await startStream(t, { shards: 1 })
  const consumer = create({ handler: collector().handler, streamName: 'no-such-stream' })
  t.equal(consumer.state, 'created')
  await t.rejects(consumer.start(), {
    name: 'StreamMissingError',
    code: 'CONSUMER_STREAM_MISSING',
    message: /^The stream 'no-such-stream' does not exist\. Check its name/,
    cause: { name: 'ResourceNotFoundException' },
  })
  t.equal(consumer.state, 'created', 'the start can be repeated')
  await t.rejects(dynamodb.send(new DescribeTableCommand({ TableName: APPLICATION })), ResourceNotFoundException)
})

t.test('start waits for a stream that is being created', async t => {
  const { consumer: create, kinesis, put } = await startStream(t, { shards: 1 })
  await kinesis.send(new DeleteStreamCommand({ StreamName: STREAM }))
  const wait = { client: kinesis, minDelay: 0.02, maxDelay: 0.2, maxWaitTime: 60 }
  await waitUntilStreamNotExists(wait, { StreamName: STREAM })
  const { handler, texts, until } = collector()
  const consumer = create({ handler })
  await kinesis.send(new CreateStreamCommand({ StreamName: STREAM, ShardCount: 1 }))
  const starting = consumer.start()
  t.equal(consumer.state, 'starting')
  await starting
  t.equal(consumer.state, 'running')
  await put([{ key: 'a', data: 'first' }])
  await until(() => texts().length === 1)
  await consumer.stop()
  t.equal(consumer.state, 'stopped')
})

t.test('the wait for a stream ends when it has shards, when it is missing, and when the consumer stops', async t => {
  const states = (...answers: Array<boolean | Error>) => {
    const clock = new FakeClock({ skipsSleep: true })
    const faults: unknown[] = []
    const stopping = new AbortController()
    const stream = {
      async isActive() {
        const answer = answers.shift()
        if (answer === undefined) stopping.abort()
        if (answer instanceof Error) throw answer
        return answer ?? false
      },
    }
    const onFault = (error: unknown) => faults.push(error)
    const waiting = awaitStream({ stream, streamName: 'a', clock, signal: stopping.signal, onFault })
    return { waiting, clock, faults }
  }
  const created = states(named('ResourceInUseException'), false, true)
  await created.waiting
  t.equal(created.clock.now(), 2_000, 'it asked once a second')

  await t.rejects(states(false, named('ResourceNotFoundException')).waiting, StreamMissingError)

  await states(false).waiting // Then the consumer stops.

  const unreachable = states(named('TimeoutError'))
  await unreachable.waiting
  t.match(unreachable.faults, [{ name: 'TimeoutError' }])
})
