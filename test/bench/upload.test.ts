import path from 'node:path'
import t from 'tap'
import { checkWhole } from '../../bench/entries/upload-round.ts'
import { imageEnv } from '../../bench/lib/image-env.ts'
import { noCounts } from '../../bench/sink/counts.ts'
import { runProgram } from '../support/processes.ts'

const run = path.resolve(import.meta.dirname, '../../bench/run.ts')

const summary = { median: Number, min: Number, max: Number, samples: 1 }
const figures = { cpuSecondsPerGiB: summary, overIdleMiB: summary, mibPerSecond: summary }

t.test('the upload benchmark measures every upload format beside its alternative', async t => {
  const program = runProgram(t, [run, 'upload', '--quick', '--json'])
  t.strictSame(await program.ended, { code: 0, signal: null }, program.stderr())
  const report = JSON.parse(program.stdout())
  t.match(report, {
    name: 'upload',
    figures: Object.fromEntries(
      ['headgate form', 'headgate raw', 'headgate tus', 'lib-storage form', 's3-store tus'].map(name => [
        name,
        figures,
      ]),
    ),
    ratios: {
      'headgate form/lib-storage form': figures,
      'headgate raw/lib-storage form': figures,
      'headgate tus/s3-store tus': figures,
    },
    versions: { '@tus/s3-store': /^2\./ },
  })
  t.ok(report.figures['headgate raw'].cpuSecondsPerGiB.min > 0)
})

t.test('a file that did not reach the sink exactly once and completely makes the figures void', async t => {
  const contender = { name: 'api', events: 1 }
  const whole = { ...noCounts, assembled: 1, assembledBytes: 100, records: 1 }
  checkWhole(contender, 100, whole)
  for (const wrong of [{ assembled: 0 }, { assembled: 2 }, { assembledBytes: 99 }, { records: 0 }, { records: 2 }]) {
    t.throws(() => checkWhole(contender, 100, { ...whole, ...wrong }), {
      name: 'BenchError',
      message: /the figures are void/,
    })
  }
})

t.test('the api is measured with the Node options of the image', async t => {
  t.match(imageEnv(), { NODE_OPTIONS: /^--/ })
  t.strictSame(imageEnv('FROM base\nENV NODE_OPTIONS=--a=1\n'), { NODE_OPTIONS: '--a=1' })
  t.throws(() => imageEnv('FROM base\n'), { name: 'BenchError' })
})
