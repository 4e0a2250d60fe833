import t from 'tap'
import { benchUsage, DEFAULT_ROUNDS, parseBenchFlags } from '../../bench/lib/flags.ts'

const names = ['api', 'start']

t.test('without an entry, all of them are run, in their order', async t => {
  t.strictSame(parseBenchFlags([], names), {
    help: false,
    entries: names,
    json: false,
    quick: false,
    rounds: DEFAULT_ROUNDS,
  })
})

t.test('entries that are named are run alone, in the order they are named, once each', async t => {
  t.match(parseBenchFlags(['start', 'api', 'start'], names), { entries: ['start', 'api'] })
})

t.test('flags are taken before and after the entry', async t => {
  const settings = { help: false, entries: ['api'], json: true, quick: false, rounds: 12 }
  t.strictSame(parseBenchFlags(['--json', 'api', '--rounds', '12'], names), settings)
  t.strictSame(parseBenchFlags(['--rounds=12', 'api', '--json'], names), settings)
})

t.test('--quick is one round, unless more are asked for', async t => {
  t.match(parseBenchFlags(['--quick'], names), { quick: true, rounds: 1 })
  t.match(parseBenchFlags(['--quick', '--rounds', '3'], names), { quick: true, rounds: 3 })
})

t.test('an entry that does not exist is named, and those that do are listed', async t => {
  t.throws(() => parseBenchFlags(['api', 'frob'], names), {
    name: 'UsageError',
    message: 'There is no benchmark "frob". There is: api, start.',
  })
})

t.test('a flag that does not exist, or lacks its value, is named', async t => {
  t.throws(() => parseBenchFlags(['--frob'], names), {
    name: 'UsageError',
    message: /^Unknown option '--frob'\. See: .*--help$/,
  })
  t.throws(() => parseBenchFlags(['--rounds'], names), { name: 'UsageError', message: /--rounds/ })
})

t.test('what is no number of rounds is refused', async t => {
  for (const rounds of ['0', '101', '-1', '1.5', '1e1', 'many', '']) {
    t.throws(
      () => parseBenchFlags([`--rounds=${rounds}`], names),
      { name: 'UsageError', message: /from 1 to 100/ },
      rounds,
    )
  }
})

t.test('--help wins over everything else, and tells what there is', async t => {
  t.strictSame(parseBenchFlags(['--json', 'frob', '--help'], names), { help: true })
  t.match(benchUsage([{ name: 'api', summary: 'compares' }]), /^ {2}api {2}compares$/m)
})
