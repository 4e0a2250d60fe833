import t from 'tap'
import { runChaos } from './run-chaos.ts'

/**
 * The faults of this seed: a kill of each role, a freeze longer than the failover time, a stop, a reshard, and faults of
 * all three services. The api runs for 7 s, and no other fault of a worker comes before its kill or its freeze.
 */
const SEED = 142_665
const SHORT = { uploads: 120, rate: 15, everyMs: 800, maxRetryMs: 5_000 }

t.setTimeout(480_000)

t.test('uploads all reach their correct state through kills, freezes, faults and a reshard', async t => {
  const lines: string[] = []
  const { counts, violations, ledger } = await runChaos({
    ...{ ...SHORT, seed: SEED, orphans: 'swept', slots: { api: 1, worker: 2 }, notifies: true },
    say: line => lines.push(line),
  })
  const replay = `--seed ${SEED} --minutes ${SHORT.uploads / SHORT.rate / 60} --rate ${SHORT.rate} --every ${SHORT.everyMs}`
  t.same(violations, [], `replay: npm run chaos -- ${replay} --api 1 --workers 2`)
  t.equal(ledger.entries.length, SHORT.uploads)
  const happened = ['kill', 'freeze', 'service', 'json accepted', 'form accepted', 'raw accepted', 'ended processed']
  t.same(
    happened.filter(what => !counts[what]),
    [],
    'the run contained faults',
  )
  t.comment([...lines, JSON.stringify(counts)].join('\n'))
})
