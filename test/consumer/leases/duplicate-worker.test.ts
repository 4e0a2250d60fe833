import t from 'tap'
import { DuplicateWorkerDetector } from '../../../services/consumer/leases/duplicate-worker.ts'
import type { Lease } from '../../../services/consumer/leases/lease.ts'
import { leaseWith } from './support.ts'

const left = leaseWith({ leaseKey: 'shard-1', leaseOwner: 'me', session: 'another run', leaseCounter: 7 })

/** A detector on a table with one row, which the test changes. */
function watch() {
  const table = { row: left }
  const detector = new DuplicateWorkerDetector({
    store: { get: async () => table.row },
    workerId: 'me',
    session: 'this run',
  })
  const look = (row: Lease, leases: readonly Lease[] = [row]) => {
    table.row = row
    return detector.find(leases)
  }
  return { look }
}

t.test('a lease with the same worker id that another run keeps renewing shows a duplicate worker', async t => {
  const { look } = watch()
  t.equal(await look(left), undefined)
  t.match(await look({ ...left, leaseCounter: 9 }), { leaseKey: 'shard-1', leaseCounter: 9 })
})

t.test('a lease that does not change, or changes once, was left by an earlier process', async t => {
  const { look } = watch()
  for (const leaseCounter of [7, 7, 8, 8]) t.equal(await look({ ...left, leaseCounter }), undefined)
})

t.test('a growing counter in stale reads of the table proves nothing', async t => {
  const { look } = watch()
  for (const leaseCounter of [4, 5, 6]) t.equal(await look(left, [{ ...left, leaseCounter }]), undefined)
})

t.test('leases of this run, of other workers, and of a later run do not show a duplicate worker', async t => {
  const { look } = watch()
  for (const leaseCounter of [7, 9, 11]) {
    t.equal(await look({ ...left, leaseCounter, session: 'this run' }), undefined)
    t.equal(await look({ ...left, leaseCounter, leaseOwner: 'other' }), undefined)
    t.equal(await look({ ...left, leaseCounter, session: `run ${leaseCounter}` }), undefined)
  }
})
