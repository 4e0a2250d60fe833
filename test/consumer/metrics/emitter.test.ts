import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import t from 'tap'
import { ConsumerEmitter } from '../../../services/consumer/metrics/emitter.ts'

const origin = { workerId: 'w1', applicationName: 'an-application', streamName: 'a-stream' }
const ended = { shardId: 's1', childShardIds: ['s2'] }

t.test('an event is sent to the observer, the listeners and its diagnostics channel', async t => {
  const emitted: unknown[] = []
  const events = new ConsumerEmitter(origin, (name, event) => emitted.push(['observer', name, event]))
  events.on('shardEnded', event => emitted.push(['listener', event]))
  const onMessage = (message: unknown, name: string | symbol) => emitted.push([name, message])
  subscribe('headgate:consumer:shardEnded', onMessage)
  t.teardown(() => unsubscribe('headgate:consumer:shardEnded', onMessage))
  t.equal(events.emit('shardEnded', ended), true)
  t.same(emitted, [
    ['observer', 'shardEnded', ended],
    ['headgate:consumer:shardEnded', { ...origin, ...ended }],
    ['listener', ended],
  ])
  t.equal(events.emit('breakerClosed', { openForMs: 1 }), false, 'nobody listens')
})

t.test('a listener that throws or rejects affects neither the consumer nor other listeners', async t => {
  const events = new ConsumerEmitter(origin, () => undefined)
  const emitted: string[] = []
  events.on('shardEnded', () => {
    throw new Error('thrown by a listener')
  })
  events.on('shardEnded', () => Promise.reject(new Error('rejected by a listener')))
  events.on('shardEnded', () => emitted.push('third'))
  const warnings: Error[] = []
  const onWarning = (warning: Error) => warnings.push(warning)
  process.on('warning', onWarning)
  t.teardown(() => process.off('warning', onWarning))
  events.emit('shardEnded', ended)
  t.same(emitted, ['third'])
  while (warnings.length < 2) await once(process, 'warning')
  t.match(warnings, [
    { code: 'CONSUMER_LISTENER', message: /'shardEnded'/, detail: /thrown by a listener/ },
    { code: 'CONSUMER_LISTENER', message: /'shardEnded'/, detail: /rejected by a listener/ },
  ])
})

t.test('a listener added with once is called once', async t => {
  const events = new ConsumerEmitter(origin, () => undefined)
  let emitted = 0
  events.once('shardEnded', () => emitted++)
  events.emit('shardEnded', ended)
  events.emit('shardEnded', ended)
  t.equal(emitted, 1)
})

t.test('an event is observed while it has a listener, or its channel a subscriber', async t => {
  const events = new ConsumerEmitter(origin, () => undefined)
  t.notOk(events.isObserved('recordHandled'))
  const listener = () => undefined
  events.on('recordHandled', listener)
  t.ok(events.isObserved('recordHandled'))
  events.off('recordHandled', listener)
  t.notOk(events.isObserved('recordHandled'))
  subscribe('headgate:consumer:recordHandled', listener)
  t.ok(events.isObserved('recordHandled'))
  unsubscribe('headgate:consumer:recordHandled', listener)
  t.notOk(events.isObserved('recordHandled'))
})
