import t from 'tap'
import type { Lease } from '../../../services/consumer/leases/lease.ts'
import { CHEAP_ROWS, type ScanResult, ScanSchedule } from '../../../services/consumer/leases/scan-schedule.ts'
import { leaseWith } from './support.ts'

const FAILOVER = 10_000
const SCAN = 1_000

/** A table of a fleet: each worker has two leases. */
const fleetOf = (workers: number): Lease[] =>
  Array.from({ length: 2 * workers }, (_, i) =>
    leaseWith({
      leaseKey: `shard-${String(i).padStart(4, '0')}`,
      leaseOwner: `w${i % workers}`,
      session: `run@w${i % workers}`,
    }),
  )

function scheduleOf(workerId: string, wallClock = () => 0) {
  const schedule = new ScanSchedule({
    ...{ workerId, failoverMs: FAILOVER, scanIntervalMs: SCAN, wallClock, random: () => 0.5 },
  })
  let now = 0
  const scan = (leases: readonly Lease[], result: Partial<ScanResult> = {}) =>
    schedule.afterScan({
      ...{
        leases,
        rows: leases.length,
        held: 2,
        awaitsLease: false,
        isBusy: false,
        endedAt: ++now,
        tookMs: 0,
        nextExpiryAt: undefined,
      },
      ...result,
    })
  /** Scans until nothing has changed for some scans. */
  const calm = (leases: readonly Lease[], result: Partial<ScanResult> = {}) => {
    for (let left = 3; left > 0; left--) scan(leases)
    return scan(leases, result)
  }
  return { schedule, scan, calm }
}

t.test('a small table is scanned at the scan interval, also while nothing changes', async t => {
  const { calm } = scheduleOf('w0')
  t.same(calm(fleetOf(CHEAP_ROWS / 2)), { kind: 'scan', afterMs: SCAN })
})

t.test('the rows of ended shards count for the size of the table', async t => {
  t.ok(scheduleOf('w0').calm(fleetOf(4), { rows: 100 }).afterMs > SCAN)
})

t.test('a large table is scanned at the scan interval until nothing has changed for three scans', async t => {
  const { scan } = scheduleOf('w0')
  const leases = fleetOf(20)
  for (let n = 0; n < 3; n++) t.same(scan(leases), { kind: 'scan', afterMs: SCAN })
  t.ok(scan(leases).afterMs > SCAN)
  const [first, ...others] = leases
  t.same(scan([{ ...first, leaseOwner: 'w1' } as Lease, ...others]).afterMs, SCAN, 'a lease has moved')
})

t.test('a worker that waits for leases, or has none, scans often', async t => {
  t.equal(scheduleOf('w0').calm(fleetOf(20), { awaitsLease: true }).afterMs, SCAN / 4)
  t.equal(scheduleOf('w0').calm(fleetOf(20), { isBusy: true }).afterMs, SCAN)
  t.equal(scheduleOf('none').calm(fleetOf(20), { held: 0 }).afterMs, SCAN)
})

t.test('the observers of a quiet table scan in turn, each once per failover time and a little more', async t => {
  const turns = ['w0', 'w1', 'w2', 'w3', 'w4'].map(worker => scheduleOf(worker).calm(fleetOf(10)))
  t.ok(turns.every(({ kind }) => kind === 'scan'))
  const period = 1.01 * FAILOVER
  t.same(
    turns.map(({ afterMs }) => Math.round(((afterMs % period) / period) * 10) / 10).sort(),
    [0, 0.2, 0.4, 0.6, 0.8],
  )
  const { calm, scan } = scheduleOf('w2', () => 0.4 * period)
  calm(fleetOf(10))
  t.equal(Math.round(scan(fleetOf(10)).afterMs), period, 'after its turn')
})

t.test('the other workers of a quiet table read a row of an observer, and scan it seldom', async t => {
  const { schedule, calm } = scheduleOf('w9')
  t.same(calm(fleetOf(10)), { kind: 'watch', afterMs: 1.5 * FAILOVER })
  t.same(schedule.observers, ['w0', 'w1', 'w2', 'w3', 'w4'])
  t.equal(schedule.afterWatch(580_000).kind, 'watch')
  t.equal(schedule.afterWatch(590_000).kind, 'scan')
})

t.test('all workers of a small fleet observe, and a KCL worker never does', async t => {
  const { schedule, scan } = scheduleOf('w0')
  scan(fleetOf(9))
  t.equal(schedule.observers.length, 9)
  scan(fleetOf(9).map(lease => (lease.leaseOwner === 'w1' ? { ...lease, session: undefined } : lease)))
  t.notOk(schedule.observers.includes('w1'))
})

t.test('a worker scans when the first lease expires that was not renewed', async t => {
  const { calm } = scheduleOf('w0')
  t.same(calm(fleetOf(20), { endedAt: 100, nextExpiryAt: 400 }), { kind: 'scan', afterMs: 300 })
  t.equal(
    calm(fleetOf(20), { endedAt: 500, nextExpiryAt: 400 }).afterMs,
    SCAN,
    'a lease that has not expired in spite of this',
  )
})

t.test('a worker that owns a large table alone scans every second failover time', async t => {
  const { calm } = scheduleOf('w0')
  t.equal(calm(fleetOf(20).map(lease => ({ ...lease, leaseOwner: 'w0' }))).afterMs, 2 * FAILOVER)
})

t.test('an activated worker scans at the scan interval for the given time', async t => {
  const { schedule, calm } = scheduleOf('w9')
  calm(fleetOf(10))
  schedule.activate(10, FAILOVER)
  t.equal(calm(fleetOf(10)).afterMs, SCAN)
})
