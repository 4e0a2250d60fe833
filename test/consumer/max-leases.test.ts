import { once } from 'node:events'
import t from 'tap'
import { collector, shardsOf, startStream, whenever } from './support.ts'

t.test('workers with a maximum take no more leases, and report the shards that nobody reads', async t => {
  const stream = await startStream(t, { shards: 4 })
  const { handler } = collector()
  const lines: string[] = []
  const note = (_: object, message: string) => void lines.push(message)
  const logger = { debug: () => undefined, info: () => undefined, warn: note, error: note }
  const [first, second] = ['first', 'second'].map(workerId =>
    stream.consumer({ handler, workerId, maxLeases: 1, failoverMs: 4_000, logger }),
  )
  if (!first || !second) throw new Error('There are two workers.')
  const [unread] = await Promise.all([once(first.events, 'shardsUnread'), first.start(), second.start()])
  t.match(unread, [{ maxLeases: 1, shardIds: /shardId/ }])
  await whenever([first, second], () => first.metrics().leases.unread === 2 && second.metrics().leases.unread === 2)
  t.same([shardsOf(first).length, shardsOf(second).length], [1, 1])
  t.match(lines[0], /nobody reads these shards/)

  const third = stream.consumer({ handler, workerId: 'third', failoverMs: 4_000 })
  await third.start()
  await whenever([first, second, third], () => shardsOf(third).length === 2)
  await whenever(
    [first, second, third],
    () => first.metrics().leases.unread === 0 && second.metrics().leases.unread === 0,
  )
  t.same([shardsOf(first).length, shardsOf(second).length], [1, 1])
})
