import path from 'node:path'
import t from 'tap'
import { runProgram } from '../support/processes.ts'

const run = path.resolve(import.meta.dirname, '../../bench/run.ts')

t.test('the benchmark of starts measures both services beside a bare server', async t => {
  const program = runProgram(t, [run, 'start', '--quick', '--json'])
  t.strictSame(await program.ended, { code: 0, signal: null }, program.stderr())
  const report = JSON.parse(program.stdout())
  const figures = { firstAnswerMs: { median: Number, min: Number, max: Number, samples: 1 } }
  t.match(report, {
    name: 'start',
    figures: { api: figures, 'api, an upload': figures, worker: figures, 'node:http': figures },
    ratios: { 'api/node:http': figures, 'api, an upload/node:http': figures, 'worker/node:http': figures },
  })
  // How long either took says nothing on a machine that does other things too.
  const { cpuMs } = report.ratios['api/node:http']
  if (cpuMs) t.ok(cpuMs.min > 1, 'an api is more than a bare server')
})
