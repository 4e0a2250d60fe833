import path from 'node:path'
import t from 'tap'
import { checkWork } from '../../bench/entries/worker-round.ts'
import { noCounts } from '../../bench/sink/counts.ts'
import { runProgram } from '../support/processes.ts'

const run = path.resolve(import.meta.dirname, '../../bench/run.ts')

const summary = { median: Number, min: Number, max: Number, samples: 1 }
const ofLayout = { uploadsPerSecond: summary, p50Ms: summary, p99Ms: summary }
const ofWorker = { uploadsPerSecond: summary, cpuMicrosPerUpload: summary, peakRssMiB: summary }

t.test(
  'the pipeline benchmark takes uploads through, measures the worker, and prints a line of JSON of each',
  async t => {
    const program = runProgram(t, [run, 'pipeline', '--quick', '--json'])
    t.strictSame(await program.ended, { code: 0, signal: null }, program.stderr())
    const [layouts, worker, ...rest] = program
      .stdout()
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line))
    t.strictSame(rest, [])
    t.match(layouts, { name: 'pipeline', figures: { '2-shards-1-workers': ofLayout } })
    t.ok(layouts.figures['2-shards-1-workers'].p50Ms.median <= layouts.figures['2-shards-1-workers'].p99Ms.median)
    t.match(worker, {
      name: 'worker',
      figures: { worker: ofWorker, bare: ofWorker },
      ratios: { 'worker/bare': ofWorker },
    })
    for (const contender of ['worker', 'bare']) t.ok(worker.figures[contender].cpuMicrosPerUpload.min > 0, contender)
  },
)

t.test('uploads that were not processed exactly once make the figures void', async t => {
  const contender = { name: 'worker', work: { reads: 1, objects: 1, updates: 1, notifications: 0 } }
  const whole = { ...noCounts, reads: 3, objects: 3, objectBytes: 3 * 4_096, updates: 3 }
  checkWork(contender, 3, whole)
  for (const wrong of [
    { reads: 2 },
    { reads: 4 },
    { objects: 2 },
    { updates: 4 },
    { notifications: 1 },
    { objectBytes: 12_287 },
  ]) {
    t.throws(() => checkWork(contender, 3, { ...whole, ...wrong }), {
      name: 'BenchError',
      message: /the figures are void/,
    })
  }
})
