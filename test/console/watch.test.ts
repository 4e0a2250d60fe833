import t from 'tap'
import { explainFailure } from '../../services/console/explain-failure.ts'
import { createDifference } from '../../services/console/routes/live.ts'
import type { ShardView, WorkerView } from '../../services/console/snapshot.ts'
import { findingsOf } from '../../services/console/watch/findings.ts'
import { LeaseHistory } from '../../services/console/watch/lease-history.ts'
import { paceReads } from '../../services/console/watch/paced-stream.ts'
import { shardViews } from '../../services/console/watch/shard-views.ts'
import type { Snapshot } from '../../services/console/watch/watcher.ts'
import type { Lease } from '../../services/consumer/leases/lease.ts'
import { newLease } from '../../services/consumer/leases/lease.ts'
import type { StreamReader } from '../../services/consumer/stream.ts'
import { FakeClock } from '../support/fake-clock.ts'

const FAILOVER_MS = 10_000

function lease(leaseKey: string, changes: Partial<Lease> = {}): Lease {
  const fresh = newLease({
    leaseKey,
    checkpoint: { sequenceNumber: '100', subSequenceNumber: 0 },
    parentShardIds: [],
    startingHashKey: '0',
    endingHashKey: '99',
    startAt: undefined,
    shardStart: undefined,
  })
  return { ...fresh, leaseOwner: 'a', leaseCounter: 1, ...changes }
}

const at = (sequenceNumber: string) => ({ sequenceNumber, subSequenceNumber: 0 })

t.test('a worker is alive while a counter of its leases grows, and silent before another may take over', async t => {
  const history = new LeaseHistory(FAILOVER_MS)
  const stateAt = (now: number) => history.workers(now).map(({ id, state }) => `${id} ${state}`)
  history.add([lease('1'), lease('2', { leaseOwner: 'b' })], 0)
  t.strictSame(stateAt(0), ['a unknown', 'b unknown'])
  history.add([lease('1', { leaseCounter: 2 }), lease('2', { leaseOwner: 'b' })], 2_000)
  t.strictSame(stateAt(2_000), ['a alive', 'b unknown'])
  t.strictSame(stateAt(9_000), ['a alive', 'b silent'])
  t.strictSame(stateAt(11_000), ['a silent', 'b silent'])
  history.restart(20_000)
  t.strictSame(stateAt(20_000), ['a unknown', 'b unknown'], 'silence while nobody watched means nothing')
})

t.test('the lease moves are told apart', async t => {
  const history = new LeaseHistory(FAILOVER_MS)
  const newest = () => {
    const [move] = history.moves.newest
    return move && `${move.shardId} ${move.how} ${move.from} ${move.to}`
  }
  history.add([lease('1')], 0)
  t.equal(newest(), undefined, 'the first read is no change')
  history.add([lease('1', { leaseCounter: 2 })], 2_000)
  t.equal(newest(), undefined, 'a renewal is no change')
  history.add([lease('1', { leaseCounter: 3, leaseOwner: 'b' })], 4_000)
  t.equal(newest(), '1 taken a b')
  history.add([lease('1', { leaseCounter: 4, leaseOwner: 'c' })], 16_000)
  t.equal(newest(), '1 taken over b c', 'the owner was silent for a failover time')
  history.add([lease('1', { leaseCounter: 5, leaseOwner: undefined })], 17_000)
  t.equal(newest(), '1 released c null')
  history.add([lease('1', { leaseCounter: 6, leaseOwner: 'a' })], 18_000)
  t.equal(newest(), '1 taken null a')
  history.add([lease('1', { leaseCounter: 7, leaseOwner: undefined, checkpoint: at('TRIM_HORIZON') })], 19_000)
  t.equal(newest(), '1 rewound a null')
  history.add([lease('1', { leaseCounter: 8, leaseOwner: undefined, checkpoint: at('SHARD_END') })], 20_000)
  t.equal(newest(), '1 ended null null')
  history.add([lease('2', { parentShardIds: ['1'] })], 22_000)
  t.strictSame(
    history.moves.newest.slice(0, 2).map(({ shardId, how }) => `${shardId} ${how}`),
    ['1 deleted', '2 created'],
  )
  t.equal(history.moves.total, 8)
  history.restart(60_000)
  history.add([lease('2', { parentShardIds: ['1'], leaseCounter: 9, leaseOwner: 'b' })], 60_100)
  t.equal(newest(), '2 taken a b', 'nobody has seen whether the owner was silent')
})

const shard = (
  shardId: string,
  changes: Partial<NonNullable<Parameters<typeof shardViews>[0]['shards']>[number]> = {},
) => ({
  shardId,
  parentShardIds: [],
  startingHashKey: '0',
  endingHashKey: '99',
  startingSequenceNumber: '1',
  closed: false,
  ...changes,
})

t.test('a closed shard whose lease was deleted after its end is finished, and nobody has to read it', async t => {
  const history = new LeaseHistory(FAILOVER_MS)
  const shards = [
    shard('1', { closed: true }),
    shard('2', { parentShardIds: ['1'], closed: true }),
    shard('3', { parentShardIds: ['2'] }),
  ]
  history.add([lease('3', { parentShardIds: ['2'] })], 0)
  const views = shardViews({ shards, history, lags: new Map(), arrivals: new Map() })
  t.strictSame(
    [...views.values()].map(({ id, isFinished }) => `${id} ${isFinished}`),
    ['1 true', '2 true', '3 false'],
  )
  t.strictSame(findings({ shards: [...views.values()] }), [])
})

const view = (changes: Partial<ShardView> = {}): ShardView => ({
  id: '1',
  parents: [],
  isListed: true,
  isClosed: false,
  isFinished: false,
  firstHashKey: '0',
  lastHashKey: '99',
  lag: null,
  arrivals: null,
  ...changes,
  lease:
    changes.lease === undefined
      ? {
          owner: 'a',
          requestedBy: null,
          checkpoint: '100',
          subSequenceNumber: 0,
          renewedAt: null,
          progressedAt: null,
          ownerSwitches: 0,
        }
      : changes.lease,
})

const NOW = 1_000_000
const lag = (waitingMs: number | null, isTrimmed = false) => ({
  doneUpTo: null,
  oldestWaiting: waitingMs === null ? null : NOW - waitingMs,
  isTrimmed,
  measuredAt: NOW,
})

const NOTHING_WRONG: Parameters<typeof findingsOf>[0] = {
  now: NOW,
  shards: [],
  workers: [],
  pauses: [],
  failures: new Map(),
  invalidRows: [],
  hasLeaseTable: true,
  deadLetters: { count: 0, isMore: false },
  throughput: null,
  failoverMs: FAILOVER_MS,
}

function findings(input: Partial<Parameters<typeof findingsOf>[0]>): string[] {
  return findingsOf({ ...NOTHING_WRONG, ...input }).map(({ severity, title }) => `${severity}: ${title}`)
}

t.test('the findings name what is wrong, the worst first', async t => {
  const { lease: owned } = view()
  if (!owned) return t.fail('a view has a lease')
  t.strictSame(findings({ shards: [view({ lag: lag(3_000) })] }), [], 'checkpoints are always some seconds old')
  t.strictSame(findings({ shards: [view({ lag: lag(45_000) })] }), ['warning: 1 is 45 s behind.'])
  t.strictSame(findings({ shards: [view({ lag: lag(400_000), lease: { ...owned, progressedAt: NOW - 1_000 } })] }), [
    'critical: 1 is 7 min behind.',
  ])
  t.strictSame(findings({ shards: [view({ lag: lag(90_000), lease: { ...owned, progressedAt: NOW - 80_000 } })] }), [
    'critical: 1 is 90 s behind and makes no progress.',
  ])
  t.strictSame(findings({ shards: [view({ lag: lag(null, true) })] }), ['critical: 1 has lost records.'])
  const hot = { recordsPerSecond: 950, bytesPerSecond: 10, measuredAt: NOW }
  t.strictSame(findings({ shards: [view({ arrivals: hot })] }), ['warning: 1 is hot.'])
  const unowned = view({ id: '2', lease: { ...owned, owner: null } })
  t.strictSame(findings({ shards: [unowned] }), ['critical: No worker reads the stream.'])
  const row = { leaseKey: '2', problem: "The row '2' has no counter." }
  t.strictSame(
    findings({ shards: [view(), unowned], invalidRows: [row] }),
    ["critical: The row '2' has no counter."],
    'an invalid row may have an owner',
  )
  t.strictSame(findings({ shards: [view(), unowned] }), ['warning: 1 shard without an owner.'])
  const silent: WorkerView = {
    ...{ id: 'a', state: 'silent', shards: ['1'], renewedAt: NOW - 9_000, writesPerMinute: 0, memory: null },
  }
  t.strictSame(findings({ shards: [view({ arrivals: hot })], workers: [silent] }), [
    'critical: a is silent and still holds 1 lease.',
    'warning: 1 is hot.',
  ])
  const pause = { workerId: null, by: 'ann', reason: 'maintenance', at: NOW - 5_000 }
  t.strictSame(findings({ pauses: [pause] }), ['warning: The application is paused.'])
  t.strictSame(findings({ deadLetters: { count: 1, isMore: false } }), ['warning: 1 dead letter waits.'])
  t.strictSame(findings({ deadLetters: { count: 2, isMore: false } }), ['warning: 2 dead letters wait.'])
  t.strictSame(findings({ deadLetters: { count: 100, isMore: true } }), ['warning: 100 dead letters or more wait.'])
  t.strictSame(findings({ deadLetters: { count: null, isMore: false } }), [], 'nothing was counted')
  const failures = new Map([['leases', { title: 'No permission.', advice: '' }]])
  t.strictSame(findings({ shards: [unowned], failures }), ['critical: No permission.'], 'an old table proves nothing')
})

t.test('a finding leads to the view where something can be done about it', async t => {
  const viewOf = (input: Partial<Parameters<typeof findingsOf>[0]>) =>
    findingsOf({ ...NOTHING_WRONG, ...input })[0]?.view?.name
  t.equal(viewOf({ deadLetters: { count: 1, isMore: false } }), 'dead-letters')
  t.equal(viewOf({ pauses: [{ workerId: null, by: 'ann', reason: 'maintenance', at: NOW }] }), 'workers')
})

t.test('while the stream cannot be listed, the leases do not make its shards closed', async t => {
  const history = new LeaseHistory(FAILOVER_MS)
  history.add([lease('1'), lease('2', { checkpoint: at('SHARD_END') })], 0)
  const closed = (shards: [] | undefined) =>
    Array.from(shardViews({ shards, history, lags: new Map(), arrivals: new Map() }).values(), view => view.isClosed)
  t.strictSame(closed(undefined), [false, true])
  t.strictSame(closed([]), [true, true], 'the stream no longer has them')
})

t.test('a failed request says which permission is missing', async t => {
  const error = Object.assign(new Error('User x is not authorized'), { name: 'AccessDeniedException' })
  const target = { action: 'kinesis:ListShards', resource: "the stream 'orders'" }
  const { title, advice } = explainFailure(error, target)
  t.equal(title, "The credentials do not allow kinesis:ListShards on the stream 'orders'.")
  t.match(advice, /^Allow kinesis:ListShards .*User x is not authorized/)
  const missing = Object.assign(new Error('gone'), { name: 'ResourceNotFoundException' })
  t.equal(explainFailure(missing, target).title, "There is no stream 'orders'.")
})

t.test('each shard is read at most once a second, and all shards at most ten times a second', async t => {
  const clock = new FakeClock()
  const reads: Array<{ shardId: string; at: number }> = []
  const reply = { records: [], nextIterator: undefined, millisBehindLatest: 0, childShards: [] }
  const stream: StreamReader = {
    isActive: async () => true,
    listShards: async () => [],
    getIterator: async () => 'iterator',
    async getRecords(shardId) {
      reads.push({ shardId, at: clock.now() })
      return reply
    },
  }
  const paced = paceReads(stream, clock)
  const calls = Array.from({ length: 90 }, (_, index) => paced.getRecords(`shard ${index % 30}`, 'iterator', 1))
  await clock.until(() => reads.length === 90)
  await Promise.all(calls)
  t.equal(reads.length, 90)
  for (const ofShard of Map.groupBy(reads, ({ shardId }) => shardId).values()) {
    for (const [index, { at: time }] of ofShard.entries()) {
      if (index > 0) t.ok(time - (ofShard[index - 1]?.at ?? 0) >= 1_000)
    }
  }
  const times = reads.map(({ at: time }) => time).sort((a, b) => a - b)
  for (const [index, time] of times.entries()) if (index >= 10) t.ok(time - (times[index - 10] ?? 0) >= 999)
})

t.test('the page gets everything once, and then only what changed', async t => {
  const next = createDifference()
  const summary = {
    at: 1,
    watchingSince: 0,
    workers: [],
    pauses: [],
    findings: [],
    isReady: true,
    hasLeases: true,
    hasShards: true,
    lagIntervalMs: 2_000,
    throughput: null,
    destinations: null,
    drain: { ms: null, isFallingBehind: false, isEstimated: true },
    deadLetters: null,
  }
  const snapshot = (changes: Partial<Snapshot> = {}): Snapshot => ({
    summary,
    shards: new Map([view({ id: '1' }), view({ id: '2' })].map(each => [each.id, each])),
    moves: { newest: [], total: 0 },
    history: { newest: [], total: 0 },
    ...changes,
  })
  const ids = (event: ReturnType<typeof next>) => event?.shards.map(({ id }) => id)
  t.strictSame(ids(next(snapshot())), ['1', '2'])
  t.equal(next(snapshot({ summary: { ...summary, at: 2 } })), undefined, 'the time alone is no change')
  const shards = new Map([['1', view({ id: '1', isClosed: true })]])
  const event = next(snapshot({ shards }))
  t.strictSame(ids(event), ['1'])
  t.strictSame(event?.gone, ['2'])
  const move = { at: 1, shardId: '1', from: null, to: 'a', how: 'taken' } as const
  t.strictSame(next(snapshot({ shards, moves: { newest: [move], total: 1 } }))?.moves, [move])
  const later = { ...move, at: 2 }
  t.strictSame(next(snapshot({ shards, moves: { newest: [later, move], total: 2 } }))?.moves, [later])
})
