import path from 'node:path'
import t from 'tap'
import { checkHandled } from '../../bench/entries/consumer-round.ts'
import { runProgram } from '../support/processes.ts'

const run = path.resolve(import.meta.dirname, '../../bench/run.ts')

const summary = { median: Number, min: Number, max: Number, samples: 1 }
const figures = Object.fromEntries(
  ['100B', '1KiB', '10KiB'].flatMap(label => [
    [`cpuMicrosPerRecord${label}`, summary],
    [`recordsPerSecond${label}`, summary],
  ]),
)

t.test('the consumer benchmark measures every contender at every size and prints one line of JSON', async t => {
  const program = runProgram(t, [run, 'consumer', '--quick', '--json'])
  t.strictSame(await program.ended, { code: 0, signal: null }, program.stderr())
  const lines = program.stdout().trimEnd().split('\n')
  t.equal(lines.length, 1)
  const report = JSON.parse(lines[0] ?? '')
  t.match(report, {
    name: 'consumer',
    figures: { headgate: figures, sdk: figures, 'sdk-http1': figures },
    ratios: { 'headgate/sdk': figures, 'headgate/sdk-http1': figures },
  })
  const lifionIsThere = 'lifion' in report.figures
  t.equal('headgate/lifion' in report.ratios, lifionIsThere)
  t.equal(/without lifion-kinesis, which is not installed/.test(program.stderr()), !lifionIsThere)
  t.match(program.stderr(), 'without KCL: a quick run starts no Java')
})

t.test('records that were not handled exactly once make the figures void', async t => {
  checkHandled('headgate', 100, 100)
  for (const handled of [99, 101]) {
    t.throws(() => checkHandled('headgate', handled, 100), { name: 'BenchError', message: /received 100 records/ })
  }
})
