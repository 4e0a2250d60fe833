import t from 'tap'
import { benchUsage, DEFAULT_MINUTES, DEFAULT_ROUNDS, parseBenchFlags } from '../../bench/lib/flags.ts'

const entries = [{ name: 'api' }, { name: 'start' }, { name: 'watch', byNameOnly: true }] as const

t.test('without an entry, all entries except the long ones run in their order', async t => {
  t.strictSame(parseBenchFlags([], entries), {
    help: false,
    entries: ['api', 'start'],
    json: false,
    quick: false,
    rounds: DEFAULT_ROUNDS,
    minutes: DEFAULT_MINUTES,
  })
})

t.test('only the named entries run, in the given order, once each', async t => {
  t.match(parseBenchFlags(['start', 'api', 'start'], entries), { entries: ['start', 'api'] })
})

t.test('flags can come before and after the entry', async t => {
  const settings = { help: false, entries: ['api'], json: true, quick: false, rounds: 12, minutes: DEFAULT_MINUTES }
  t.strictSame(parseBenchFlags(['--json', 'api', '--rounds', '12'], entries), settings)
  t.strictSame(parseBenchFlags(['--rounds=12', 'api', '--json'], entries), settings)
})

t.test('--quick runs one round unless --rounds is given', async t => {
  t.match(parseBenchFlags(['--quick'], entries), { quick: true, rounds: 1 })
  t.match(parseBenchFlags(['--quick', '--rounds', '3'], entries), { quick: true, rounds: 3 })
})

t.test('an unknown entry is named in the error, which lists the known entries', async t => {
  t.throws(() => parseBenchFlags(['api', 'frob'], entries), {
    name: 'UsageError',
    message: 'There is no benchmark "frob". The benchmarks are: api, start, watch.',
  })
})

t.test('an unknown flag, or a flag without its value, is named in the error', async t => {
  t.throws(() => parseBenchFlags(['--frob'], entries), {
    name: 'UsageError',
    message: /^Unknown option '--frob'\. See: .*--help$/,
  })
  t.throws(() => parseBenchFlags(['--rounds'], entries), { name: 'UsageError', message: /--rounds/ })
})

t.test('rejects an invalid number of rounds', async t => {
  for (const rounds of ['0', '101', '-1', '1.5', '1e1', 'many', '']) {
    t.throws(
      () => parseBenchFlags([`--rounds=${rounds}`], entries),
      { name: 'UsageError', message: /from 1 to 100/ },
      rounds,
    )
  }
})

t.test('rejects an invalid number of minutes', async t => {
  t.match(parseBenchFlags(['watch', '--minutes', '1440'], entries), { entries: ['watch'], minutes: 1_440 })
  for (const minutes of ['0', '1441', '0.5', 'long']) {
    t.throws(() => parseBenchFlags([`--minutes=${minutes}`], entries), { message: /--minutes must be .* 1 to 1440/ })
  }
})

t.test('--help overrides all other flags, and the usage lists every entry', async t => {
  t.strictSame(parseBenchFlags(['--json', 'frob', '--help'], entries), { help: true })
  t.match(benchUsage([{ name: 'api', summary: 'compares' }]), /^ {2}api {2}compares$/m)
})
