import t from 'tap'
import { type Evidence, type FleetEvent, findViolations } from './checker.ts'

const acquired = (at: number, worker: string): FleetEvent => ({ event: 'acquired', at, worker, shardId: 's' })
const did = (event: 'started' | 'handled', at: number, worker: string, n: number): FleetEvent => ({
  ...{ event, at, worker, n },
  shardId: 's',
  key: 'k',
})
const evidence = (events: FleetEvent[], checkpoints: string[] = []): Evidence => ({
  sent: new Map([['k', [1, 2]]]),
  events,
  checkpoints: new Map([['s', checkpoints]]),
})
const good = [
  acquired(0, 'a'),
  did('started', 1, 'a', 1),
  did('handled', 2, 'a', 1),
  did('started', 3, 'a', 2),
  did('handled', 4, 'a', 2),
]

t.test('the checker accepts a correct run with repeated records', async t => {
  const repeats = [acquired(10, 'b'), did('started', 11, 'b', 2), did('handled', 12, 'b', 2)]
  t.same(findViolations(evidence([...good, ...repeats], ['TRIM_HORIZON', '9', '10', 'SHARD_END'])), [])
})

t.test('the checker finds a record that was never handled', async t => {
  t.match(findViolations(evidence(good.slice(0, 4))), [/record 2 of 'k' was never handled/])
})

t.test('the checker finds a record that was started too early', async t => {
  const early = [acquired(0, 'a'), did('started', 1, 'a', 1), did('started', 2, 'a', 2)]
  t.match(findViolations(evidence([...early, did('handled', 3, 'a', 1), did('handled', 4, 'a', 2)])), [/1 ms before/])
})

t.test('the checker finds a worker that handles records of another worker’s shard', async t => {
  t.match(findViolations(evidence([...good, acquired(5, 'b'), did('started', 6, 'a', 2)])), [
    /a started .* which b holds/,
  ])
})

t.test('the checker finds a checkpoint that moves backward', async t => {
  t.match(findViolations(evidence(good, ['10', '9'])), [/went back from 10 to 9/])
})
