import path from 'node:path'
import t from 'tap'
import { checkWork } from '../../bench/entries/worker-round.ts'
import { noCounts } from '../../bench/sink/aws.ts'
import { runProgram } from '../support/processes.ts'

const run = path.resolve(import.meta.dirname, '../../bench/run.ts')

const summary = { median: Number, min: Number, max: Number, samples: 1 }
const figures = { uploadsPerSecond: summary, cpuMicrosPerUpload: summary, peakRssMiB: summary }

t.test('the worker benchmark measures the worker and the bare copy, and prints one line of JSON', async t => {
  const program = runProgram(t, [run, 'worker', '--quick', '--json'])
  t.strictSame(await program.ended, { code: 0, signal: null }, program.stderr())
  const lines = program.stdout().trimEnd().split('\n')
  t.equal(lines.length, 1)
  const report = JSON.parse(lines[0] ?? '')
  t.match(report, { name: 'worker', figures: { worker: figures, bare: figures }, ratios: { 'worker/bare': figures } })
  for (const contender of ['worker', 'bare']) t.ok(report.figures[contender].cpuMicrosPerUpload.min > 0, contender)
})

t.test('uploads that were not worked on once each make the figures void', async t => {
  const contender = { name: 'worker', work: { reads: 1, objects: 1, updates: 1 } }
  const whole = { ...noCounts, reads: 3, objects: 3, objectBytes: 3 * 4_096, updates: 3 }
  checkWork(contender, 3, whole)
  for (const wrong of [{ reads: 2 }, { reads: 4 }, { objects: 2 }, { updates: 4 }, { objectBytes: 12_287 }]) {
    t.throws(() => checkWork(contender, 3, { ...whole, ...wrong }), { name: 'BenchError', message: /which is void/ })
  }
})
