import t from 'tap'
import { Counters } from '../../../services/consumer/metrics/counters.ts'
import { ConsumerEmitter } from '../../../services/consumer/metrics/emitter.ts'
import { ThrottlingReport } from '../../../services/consumer/metrics/throttling-report.ts'
import { FakeClock } from '../../support/fake-clock.ts'

t.test('every throttled call is counted, and one event a minute says how many and on which shards', async t => {
  const clock = new FakeClock()
  const counters = new Counters()
  const origin = { workerId: 'w', applicationName: 'a', streamName: 's' }
  const events = new ConsumerEmitter(origin, (name, event) => counters.count(name, event))
  const emitted: unknown[] = []
  events.on('readsThrottled', event => emitted.push(event))
  const report = new ThrottlingReport({ clock, counters, events })
  report.count('shard-1')
  t.same(emitted, [{ calls: 1, shardIds: ['shard-1'] }])
  for (let call = 0; call < 10; call++) report.count(call % 2 === 0 ? 'shard-1' : 'shard-2')
  clock.advance(59_999)
  report.count('shard-2')
  t.equal(emitted.length, 1)
  clock.advance(1)
  report.count('shard-2')
  t.same(emitted[1], { calls: 12, shardIds: ['shard-1', 'shard-2'] })
  t.equal(counters.readsThrottled, 13)
  t.equal(counters.faults, 0, 'none of them is a fault')
})
