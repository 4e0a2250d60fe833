import path from 'node:path'
import t from 'tap'
import { checkTraces } from '../../bench/entries/api-round.ts'
import { noCounts } from '../../bench/sink/counts.ts'
import { runProgram } from '../support/processes.ts'

const run = path.resolve(import.meta.dirname, '../../bench/run.ts')

const summary = { median: Number, min: Number, max: Number, samples: 2 }
const figures = { uploadsPerSecond: summary, cpuMicrosPerUpload: summary, peakRssMiB: { ...summary, samples: 1 } }

t.test('the api benchmark measures both contenders and prints one line of JSON', async t => {
  const program = runProgram(t, [run, 'api', '--quick', '--rounds', '2', '--json'])
  t.strictSame(await program.ended, { code: 0, signal: null }, program.stderr())
  const lines = program.stdout().trimEnd().split('\n')
  t.equal(lines.length, 1)
  const report = JSON.parse(lines[0] ?? '')
  t.strictSame(Object.keys(report), ['name', 'figures', 'ratios', 'versions'])
  t.match(report, {
    name: 'api',
    figures: { headgate: figures, tutorial: figures },
    ratios: { 'headgate/tutorial': figures },
    versions: { node: process.versions.node, headgate: /^\d/, fastify: /^5\./, '@aws-sdk/client-s3': /^3\./ },
  })
  for (const contender of ['headgate', 'tutorial']) {
    const { cpuMicrosPerUpload, uploadsPerSecond } = report.figures[contender]
    t.ok(cpuMicrosPerUpload.min > 0 && uploadsPerSecond.min > 0, `${contender} has done something`)
  }
})

t.test('an unknown benchmark is an error without a stack trace, and nothing runs', async t => {
  const program = runProgram(t, [run, 'frob'])
  t.strictSame(await program.ended, { code: 1, signal: null })
  t.match(program.stderr(), /^There is no benchmark "frob"\. The benchmarks are: api, .*\.\n$/)
  t.equal(program.stdout(), '')
})

t.test('uploads that did not reach the sink exactly once make the figures void', async t => {
  const contender = { name: 'api', traces: { objects: 1, records: 1, items: 0, updates: 0 } }
  const whole = { ...noCounts, objects: 3, objectBytes: 3 * 4_096, records: 3 }
  checkTraces(contender, 3, whole)
  for (const wrong of [{ objects: 2 }, { records: 2 }, { records: 4 }, { items: 3 }, { objectBytes: 12_287 }]) {
    t.throws(() => checkTraces(contender, 3, { ...whole, ...wrong }), {
      name: 'BenchError',
      message: /the figures are void/,
    })
  }
})
