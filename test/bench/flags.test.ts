import t from 'tap'
import { benchUsage, DEFAULT_MINUTES, DEFAULT_ROUNDS, parseBenchFlags } from '../../bench/lib/flags.ts'

const entries = [{ name: 'api' }, { name: 'start' }, { name: 'watch', byNameOnly: true }] as const

t.test('without an entry, all but those that take long are run, in their order', async t => {
  t.strictSame(parseBenchFlags([], entries), {
    help: false,
    entries: ['api', 'start'],
    json: false,
    quick: false,
    rounds: DEFAULT_ROUNDS,
    minutes: DEFAULT_MINUTES,
  })
})

t.test('entries that are named are run alone, in the order they are named, once each', async t => {
  t.match(parseBenchFlags(['start', 'api', 'start'], entries), { entries: ['start', 'api'] })
})

t.test('flags are taken before and after the entry', async t => {
  const settings = { help: false, entries: ['api'], json: true, quick: false, rounds: 12, minutes: DEFAULT_MINUTES }
  t.strictSame(parseBenchFlags(['--json', 'api', '--rounds', '12'], entries), settings)
  t.strictSame(parseBenchFlags(['--rounds=12', 'api', '--json'], entries), settings)
})

t.test('--quick is one round, unless more are asked for', async t => {
  t.match(parseBenchFlags(['--quick'], entries), { quick: true, rounds: 1 })
  t.match(parseBenchFlags(['--quick', '--rounds', '3'], entries), { quick: true, rounds: 3 })
})

t.test('an entry that does not exist is named, and those that do are listed', async t => {
  t.throws(() => parseBenchFlags(['api', 'frob'], entries), {
    name: 'UsageError',
    message: 'There is no benchmark "frob". There is: api, start, watch.',
  })
})

t.test('a flag that does not exist, or lacks its value, is named', async t => {
  t.throws(() => parseBenchFlags(['--frob'], entries), {
    name: 'UsageError',
    message: /^Unknown option '--frob'\. See: .*--help$/,
  })
  t.throws(() => parseBenchFlags(['--rounds'], entries), { name: 'UsageError', message: /--rounds/ })
})

t.test('what is no number of rounds is refused', async t => {
  for (const rounds of ['0', '101', '-1', '1.5', '1e1', 'many', '']) {
    t.throws(
      () => parseBenchFlags([`--rounds=${rounds}`], entries),
      { name: 'UsageError', message: /from 1 to 100/ },
      rounds,
    )
  }
})

t.test('how long memory is watched is a number of minutes', async t => {
  t.match(parseBenchFlags(['watch', '--minutes', '1440'], entries), { entries: ['watch'], minutes: 1_440 })
  for (const minutes of ['0', '1441', '0.5', 'long']) {
    t.throws(() => parseBenchFlags([`--minutes=${minutes}`], entries), { message: /--minutes must be .* 1 to 1440/ })
  }
})

t.test('--help wins over everything else, and tells what there is', async t => {
  t.strictSame(parseBenchFlags(['--json', 'frob', '--help'], entries), { help: true })
  t.match(benchUsage([{ name: 'api', summary: 'compares' }]), /^ {2}api {2}compares$/m)
})
