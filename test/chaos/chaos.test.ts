import t from 'tap'
import { runChaos } from './run-chaos.ts'

/**
 * The faults of this seed: a kill of each role, a freeze longer than the failover time, a stop, reshards, and faults of
 * all three services. No other fault comes before the freeze of that worker, so the worker runs then, also on a busy machine.
 */
const SEED = 622
const SHORT = { uploads: 120, rate: 15, everyMs: 800, maxRetryMs: 5_000 }

t.setTimeout(300_000)

t.test('uploads all reach their correct state through kills, freezes, faults and a reshard', async t => {
  const lines: string[] = []
  const { counts, violations, ledger } = await runChaos({
    ...{ ...SHORT, seed: SEED, orphans: 'swept', slots: { api: 1, worker: 2 } },
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
