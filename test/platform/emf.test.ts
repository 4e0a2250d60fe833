import { pino } from 'pino'
import t from 'tap'
import { createMetricsEmitter } from '../../services/platform/emf.ts'
import { logOptions } from '../../services/platform/log.ts'
import { metrics } from '../../services/platform/metrics.ts'

/** Returns the lines that a logger of the given level writes for the metrics. */
function told(
  namespace: string | undefined,
  values: Parameters<ReturnType<typeof createMetricsEmitter>>[0],
  level = 'info',
) {
  const lines: string[] = []
  const log = pino(logOptions({ level, role: 'worker' }), { write: line => lines.push(line) })
  createMetricsEmitter({ namespace, application: 'app', log, now: () => 1_700_000_000_000 })(values)
  return lines.map(line => JSON.parse(line) as Record<string, unknown>)
}

t.test('logs metrics as one line in the embedded metric format', async t => {
  const [line, ...more] = told('Headgate/test', { DeadLetters: 1, OutboxAge: 0.5 })
  t.strictSame(more, [])
  t.match(line, { role: 'worker', Application: 'app', DeadLetters: 1, OutboxAge: 0.5 })
  t.strictSame(line?._aws, {
    Timestamp: 1_700_000_000_000,
    CloudWatchMetrics: [
      {
        Namespace: 'Headgate/test',
        Dimensions: [['Application']],
        Metrics: [
          { Name: 'DeadLetters', Unit: metrics.DeadLetters.unit },
          { Name: 'OutboxAge', Unit: 'Seconds' },
        ],
      },
    ],
  })
})

t.test('emits metrics at every log level', async t => {
  t.equal(told('Headgate/test', { DeadLetters: 1 }, 'error').length, 1)
})

t.test('emits nothing without a namespace, and omits values that are not finite', async t => {
  t.strictSame(told(undefined, { DeadLetters: 1 }), [])
  t.strictSame(told('Headgate/test', { TimeToDrain: Number.POSITIVE_INFINITY, OutboxAge: Number.NaN }), [])
})
