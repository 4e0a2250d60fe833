import path from 'node:path'
import t from 'tap'
import { verdictOn } from '../../bench/entries/memory.ts'
import { trendOf } from '../../bench/lib/trend.ts'
import { runProgram } from '../support/processes.ts'

const run = path.resolve(import.meta.dirname, '../../bench/run.ts')

type Figures = Record<'bufferedMiB' | 'shardsHandled', { median: number; max: number }>

const summary = { median: Number, min: Number, max: Number, samples: Number }

t.test('behind a handler that is slower than its stream, no more is held than the budget and one reply', async t => {
  const program = runProgram(t, [run, 'memory', '--quick', '--json'])
  t.strictSame(await program.ended, { code: 0, signal: null }, program.stderr())
  const [byShards, report] = program
    .stdout()
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line))
  t.match(byShards, { name: 'memory-by-shards', figures: { '2 shards': {}, '12 shards': {} } })
  for (const [name, { bufferedMiB, shardsHandled }] of Object.entries<Figures>(byShards.figures)) {
    t.ok(bufferedMiB.max > 1 && bufferedMiB.max <= 5, `${name}: ${bufferedMiB.max} MiB of a budget of 4 MiB`)
    t.equal(shardsHandled.median, Number.parseInt(name, 10), `${name} are read`)
  }
  t.match(report, {
    name: 'memory',
    figures: { headgate: { rssMiB: summary, heapMiB: summary, externalMiB: summary } },
    verdict: /^(Flat|Growing): /,
  })
  const { bufferedMiB, externalMiB, handled } = report.figures.headgate
  // 16 MiB were handled. This source always sends replies of 1,000 records of 1 KiB, whatever was asked for.
  t.ok(handled.median >= 16_000)
  t.ok(bufferedMiB.max > 2, `${bufferedMiB.max} MiB: the stream is faster than the handler`)
  t.ok(bufferedMiB.max <= 4 + 2, `${bufferedMiB.max} MiB of a budget of 4 MiB`)
  t.ok(externalMiB.max < 200, `${externalMiB.max} MiB, garbage and memory for replies to come included`)
})

t.test('the trend of samples is the line that fits them best', async t => {
  t.same(trendOf([1, 2, 3]), { growth: 2, relativeGrowth: 1 })
  t.same(trendOf([5, 5, 5, 5]), { growth: 0, relativeGrowth: 0 })
  t.same(trendOf([10, 20, 10, 20, 10]), { growth: 0, relativeGrowth: 0 }, 'to and fro is no growth')
  t.throws(() => trendOf([1, 2]), { name: 'BenchError' })
})

t.test('distinguishes memory that grows in one direction from memory that varies', async t => {
  const at = (rss: number, heapUsed = 10e6) => ({ rss, heapUsed, external: 5e6 })
  t.match(verdictOn([100e6, 120e6, 100e6, 120e6, 100e6].map(rss => at(rss))), /^Flat: .* RSS moved by 0\.0 MiB/)
  t.match(
    verdictOn([100e6, 104e6, 108e6, 112e6].map(rss => at(rss))),
    /^Growing: .* RSS moved by 11\.4 MiB \(11\.3 %\)/,
  )
  t.match(verdictOn([10e6, 12e6, 14e6].map(heap => at(100e6, heap))), /^Growing/, 'also where the process hides it')
})
