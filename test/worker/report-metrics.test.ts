import { mock } from 'node:test'
import t, { type Test } from 'tap'
import type { ConsumerMetrics } from '../../services/consumer/index.ts'
import type { MetricValues } from '../../services/platform/metrics.ts'
import { createMetricsReport } from '../../services/worker/report-metrics.ts'
import { createMemoryLog } from './memory-log.ts'

const MINUTE = 60_000

/** A report of a worker that is as the test says, under a clock that the test moves. */
function report(
  t: Test,
  { drainMs, oldestMs, pending = 0 }: { drainMs?: number; oldestMs?: number; pending?: number },
) {
  const told: MetricValues[] = []
  const clock = { now: 0 }
  const shards = [{ shardId: 'shardId-0', checkpoint: '1', pending }]
  mock.timers.enable({ apis: ['setInterval'] })
  const { log, lines } = createMemoryLog()
  const reporting = createMetricsReport({
    consumer: { metrics: () => ({ timeToDrainMs: drainMs, shards }) as unknown as ConsumerMetrics },
    relay: { oldestMs: () => oldestMs },
    tell: values => told.push(values),
    log,
    now: () => clock.now,
  })
  t.teardown(() => {
    reporting.stop()
    mock.timers.reset()
  })
  const pass = (ms: number) => {
    clock.now += ms
    mock.timers.tick(ms)
  }
  return { reporting, told, lines, pass }
}

t.test('how the worker is, is told at once and then by the minute', async t => {
  const { reporting, told, pass } = report(t, { drainMs: 1_500, oldestMs: 2_000 })
  reporting.start()
  t.strictSame(told, [{ StuckShards: 0, TimeToDrain: 1.5, OutboxAge: 2 }])
  pass(MINUTE)
  t.equal(told.length, 2)
  reporting.stop()
  pass(MINUTE)
  t.equal(told.length, 2)
})

t.test('what is not known is not told', async t => {
  const unknown = report(t, {})
  unknown.reporting.start()
  t.strictSame(unknown.told, [{ StuckShards: 0 }])
})

t.test('a shard that falls behind takes a day', async t => {
  const { reporting, told } = report(t, { drainMs: Number.POSITIVE_INFINITY })
  reporting.start()
  t.strictSame(told, [{ StuckShards: 0, TimeToDrain: 86_400 }])
})

t.test('a shard that does not move is told, and named in the log', async t => {
  const { reporting, told, lines, pass } = report(t, { pending: 2 })
  reporting.start()
  for (let minute = 0; minute < 15; minute++) pass(MINUTE)
  t.strictSame(told.at(-2), { StuckShards: 0 })
  t.strictSame(told.at(-1), { StuckShards: 1 })
  t.match(lines, [{ level: 'warn', shards: ['shardId-0'] }])
})
