import path from 'node:path'
import t from 'tap'
import { runProgram } from '../support/processes.ts'

const run = path.resolve(import.meta.dirname, '../../bench/run.ts')

t.test('the start benchmark measures the api and the worker beside a bare server', async t => {
  const program = runProgram(t, [run, 'start', '--quick', '--json'])
  t.strictSame(await program.ended, { code: 0, signal: null }, program.stderr())
  const report = JSON.parse(program.stdout())
  const figures = { firstAnswerMs: { median: Number, min: Number, max: Number, samples: 1 } }
  t.match(report, {
    name: 'start',
    figures: { api: figures, 'api, an upload': figures, worker: figures, 'node:http': figures },
    ratios: { 'api/node:http': figures, 'api, an upload/node:http': figures, 'worker/node:http': figures },
  })
  // The durations are not asserted, because the machine may be busy.
  const { cpuMs } = report.ratios['api/node:http']
  if (cpuMs) t.ok(cpuMs.min > 1, 'an api is more than a bare server')
})
