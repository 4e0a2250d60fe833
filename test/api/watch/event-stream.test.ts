import t from 'tap'
import { eventSnapshot, eventStream } from '../../../services/api/watch/event-stream.ts'
import { type Snapshot, Watch } from '../../../services/api/watch/watch.ts'

function snapshotOf(tag: string, isFinal = false): Snapshot<{ name: string }> {
  return { tag, isFinal, changedAt: 0, value: { name: `line\nbreak\r and ${tag}` } }
}

const HOUR = 3_600_000
const settings = { lastSeen: undefined, heartbeatMs: HOUR, retryMs: 2_000 }
const messageOf = (tag: string) => `id: ${tag}\nevent: upload\ndata: {"name":"line\\nbreak\\r and ${tag}"}\n\n`

t.test('every state is an event of whole lines, and the last ends the stream', async t => {
  const watch = new Watch(snapshotOf('a'), () => undefined)
  const stream = eventStream(watch, settings)
  t.equal((await stream.next()).value, 'retry: 2000\n\n')
  t.equal((await stream.next()).value, messageOf('a'))
  const next = stream.next()
  watch.show(snapshotOf('b', true))
  t.equal((await next).value, messageOf('b'))
  t.same(await stream.next(), { value: undefined, done: true })
})

t.test('a state that the client already has is not sent again', async t => {
  const watch = new Watch(snapshotOf('a'), () => undefined)
  const stream = eventStream(watch, { ...settings, lastSeen: 'a' })
  await stream.next()
  const next = stream.next()
  watch.show(snapshotOf('a'))
  watch.show(snapshotOf('b'))
  t.equal((await next).value, messageOf('b'))
})

t.test('comments keep the connection open while nothing changes', async t => {
  const watch = new Watch(snapshotOf('a'), () => undefined)
  const stream = eventStream(watch, { ...settings, lastSeen: 'a', heartbeatMs: 1 })
  await stream.next()
  t.equal((await stream.next()).value, ': still here\n\n')
  t.equal((await stream.next()).value, ': still here\n\n')
})

t.test('a deletion is an event that ends the stream', async t => {
  const watch = new Watch(snapshotOf('a'), () => undefined)
  const stream = eventStream(watch, { ...settings, lastSeen: 'a' })
  await stream.next()
  watch.show(undefined)
  t.equal((await stream.next()).value, 'event: deleted\ndata: {}\n\n')
  t.ok((await stream.next()).done)
})

t.test('a closed watch ends the stream without another comment', async t => {
  const watch = new Watch(snapshotOf('a'), () => undefined)
  const stream = eventStream(watch, { ...settings, lastSeen: 'a' })
  await stream.next()
  const next = stream.next()
  watch.close()
  t.same(await next, { value: undefined, done: true })
})

t.test('a watch that is closed from the start still sends the current state', async t => {
  const watch = new Watch(snapshotOf('a'), () => undefined)
  watch.close()
  const sent: string[] = []
  for await (const text of eventStream(watch, settings)) sent.push(text)
  t.same(sent, ['retry: 2000\n\n', messageOf('a')])
})

t.test('a snapshot has the state unless the client already has it', async t => {
  t.equal(eventSnapshot(snapshotOf('a'), { lastSeen: 'b', retryMs: 5_000 }), `retry: 5000\n\n${messageOf('a')}`)
  t.equal(eventSnapshot(snapshotOf('a'), { lastSeen: 'a', retryMs: 5_000 }), 'retry: 5000\n\n')
})
