import { once } from 'node:events'
import { setTimeout as pass } from 'node:timers/promises'
import { SplitShardCommand, waitUntilStreamExists } from '@aws-sdk/client-kinesis'
import t from 'tap'
import { collector, STREAM, shardsOf, startStream, whenever } from './support.ts'

const SHARD = 'shardId-000000000000'
const MIDDLE = String(2n ** 127n)
const batch = (name: string) => Array.from({ length: 20 }, (_, i) => ({ key: `key-${i}`, data: `${name}:${i}` }))

t.test(
  'an application that starts at a timestamp receives every later record in order by key, also from closed shards',
  async t => {
    const stream = await startStream(t, { shards: 1 })
    await stream.put(batch('0 before'))
    await pass(5) // Kinesis has times in milliseconds.
    const timestamp = new Date()
    await stream.put(batch('1 parent'))
    const { kinesis } = stream
    await kinesis.send(new SplitShardCommand({ StreamName: STREAM, ShardToSplit: SHARD, NewStartingHashKey: MIDDLE }))
    await waitUntilStreamExists(
      { client: kinesis, minDelay: 0.02, maxDelay: 0.2, maxWaitTime: 15 },
      { StreamName: STREAM },
    )
    await stream.put(batch('2 child'))

    const { handler, texts, until } = collector()
    await stream.consumer({ handler, initialPosition: { timestamp } }).start()
    await until(() => texts().length === 40)
    for (let i = 0; i < 20; i++) {
      t.same(
        texts().filter(text => text.endsWith(`:${i}`)),
        [`1 parent:${i}`, `2 child:${i}`],
      )
    }
  },
)

t.test('of two processes with one worker id, the first continues and the second stops with an error', async t => {
  const stream = await startStream(t, { shards: 2 })
  const { handler, texts, until } = collector()
  const settings = { handler, workerId: 'the same', failoverMs: 4_000 }
  const first = stream.consumer(settings)
  await first.start()
  await whenever([first], () => shardsOf(first).length === 2)
  const losses: string[] = []
  first.events.on('leaseLost', ({ reason }) => losses.push(reason))

  const second = stream.consumer(settings)
  const failed = once(second.events, 'failed')
  await second.start()
  const [{ error }] = await failed
  t.match(error, { code: 'CONSUMER_DUPLICATE_WORKER', message: /'the same'/ })
  await second.stop()
  await stream.put(batch('still read'))
  await until(() => texts().length === 20)
  t.same(losses, [])
  t.same(shardsOf(first).length, 2)
})
