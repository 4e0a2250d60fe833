import t from 'tap'
import { eventSnapshot, eventStream } from '../../../services/api/watch/event-stream.ts'
import type { Sight } from '../../../services/api/watch/snapshot.ts'
import { Watch } from '../../../services/api/watch/watch.ts'

function sightOf(tag: string, isFinal = false): Sight<{ name: string }> {
  return { tag, isFinal, changedAt: 0, value: { name: `line\nbreak\r and ${tag}` } }
}

const HOUR = 3_600_000
const settings = { lastSeen: undefined, heartbeatMs: HOUR, retryMs: 2_000 }
const messageOf = (tag: string) => `id: ${tag}\nevent: upload\ndata: {"name":"line\\nbreak\\r and ${tag}"}\n\n`

t.test('every state is an event of whole lines, and the last ends the stream', async t => {
  const watch = new Watch(sightOf('a'), () => undefined)
  const stream = eventStream(watch, settings)
  t.equal((await stream.next()).value, 'retry: 2000\n\n')
  t.equal((await stream.next()).value, messageOf('a'))
  const next = stream.next()
  watch.show(sightOf('b', true))
  t.equal((await next).value, messageOf('b'))
  t.same(await stream.next(), { value: undefined, done: true })
})

t.test('what the client has seen already is not sent again', async t => {
  const watch = new Watch(sightOf('a'), () => undefined)
  const stream = eventStream(watch, { ...settings, lastSeen: 'a' })
  await stream.next()
  const next = stream.next()
  watch.show(sightOf('a'))
  watch.show(sightOf('b'))
  t.equal((await next).value, messageOf('b'))
})

t.test('while nothing happens, comments keep the connection', async t => {
  const watch = new Watch(sightOf('a'), () => undefined)
  const stream = eventStream(watch, { ...settings, lastSeen: 'a', heartbeatMs: 1 })
  await stream.next()
  t.equal((await stream.next()).value, ': still here\n\n')
  t.equal((await stream.next()).value, ': still here\n\n')
})

t.test('an upload that is deleted is told of, and ends the stream', async t => {
  const watch = new Watch(sightOf('a'), () => undefined)
  const stream = eventStream(watch, { ...settings, lastSeen: 'a' })
  await stream.next()
  watch.show(undefined)
  t.equal((await stream.next()).value, 'event: deleted\ndata: {}\n\n')
  t.ok((await stream.next()).done)
})

t.test('a watch that ends ends the stream, with no comment after it', async t => {
  const watch = new Watch(sightOf('a'), () => undefined)
  const stream = eventStream(watch, { ...settings, lastSeen: 'a' })
  await stream.next()
  const next = stream.next()
  watch.close()
  t.same(await next, { value: undefined, done: true })
})

t.test('a watch that is over from the beginning still tells the state there is', async t => {
  const watch = new Watch(sightOf('a'), () => undefined)
  watch.close()
  const told: string[] = []
  for await (const text of eventStream(watch, settings)) told.push(text)
  t.same(told, ['retry: 2000\n\n', messageOf('a')])
})

t.test('a snapshot has the state, unless the client has it', async t => {
  t.equal(eventSnapshot(sightOf('a'), { lastSeen: 'b', retryMs: 5_000 }), `retry: 5000\n\n${messageOf('a')}`)
  t.equal(eventSnapshot(sightOf('a'), { lastSeen: 'a', retryMs: 5_000 }), 'retry: 5000\n\n')
})
