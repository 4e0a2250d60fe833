import t from 'tap'
import { type Lease, newLease } from '../../../services/consumer/leases/lease.ts'
import type { LeaseStore } from '../../../services/consumer/leases/lease-store.ts'
import { ConsumerEmitter } from '../../../services/consumer/metrics/emitter.ts'
import {
  decodePauses,
  encodePauses,
  mergePauses,
  onlyEntry,
  pauseOf,
} from '../../../services/consumer/pausing/pause-state.ts'
import { WorkerPause } from '../../../services/consumer/pausing/worker-pause.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { at } from '../leases/support.ts'

const entry = (version: number, paused: boolean) =>
  ({ version, id: 'a', paused, by: 'ann', reason: `version ${version}`, at: '2026-11-30T12:00:00.000Z' }) as const
const application = (version: number, paused: boolean) => encodePauses(onlyEntry(undefined, entry(version, paused)))

function row(leaseKey: string, pause?: string): Lease {
  const fresh = { leaseKey, checkpoint: at('TRIM_HORIZON'), parentShardIds: [], startAt: undefined }
  return { ...newLease({ ...fresh, startingHashKey: '0', endingHashKey: '9', shardStart: undefined }), pause }
}

/** A worker, and a table that returns the given rows and collects those that are created. */
function worker() {
  const clock = new FakeClock()
  const seen: string[] = []
  const events = new ConsumerEmitter({ workerId: 'w', applicationName: 'a', streamName: 's' }, (name, event) => {
    seen.push(name === 'paused' && 'reason' in event ? `paused: ${event.reason}` : name)
  })
  const pause = new WorkerPause({
    workerId: 'w',
    clock,
    wallClock: () => 0,
    events,
    onResumed: () => seen.push('restart'),
  })
  const created: Lease[] = []
  let rows: Lease[] = []
  const store: LeaseStore = {
    ensureTable: async () => undefined,
    list: async () => rows,
    get: async () => undefined,
    create: async lease => created.push(lease) > 0,
    swap: async (_, next) => next,
    delete: async () => true,
  }
  const watched = pause.watch(store)
  const read = (...given: Lease[]) => {
    rows = given
    return watched.list()
  }
  return { pause, seen, created, watched, read }
}

t.test('an older copy, or a table without any copy, does not end a pause', async t => {
  const { pause, seen, read } = worker()
  await read(row('s1', application(1, false)), row('s2', application(2, true)))
  t.match(pause.current, { scope: 'application', by: 'ann', reason: 'version 2' })
  await read(row('s1', application(1, false)))
  await read(row('s1'))
  await read()
  t.ok(pause.gate.isPaused)
  await read(row('s1', application(4, true)))
  await read(row('s1', application(5, false)))
  t.notOk(pause.gate.isPaused)
  t.same(seen, ['paused: version 2', 'paused: version 4', 'restart', 'resumed'])
})

t.test('a row that the worker creates carries the pauses that it knows', async t => {
  const { created, watched, read } = worker()
  await watched.create(row('s1'))
  await read(row('s1', application(1, true)))
  await watched.create(row('s2'))
  t.equal(created[0]?.pause, undefined)
  t.same(pauseOf(decodePauses(created[1]?.pause), 'w')?.reason, 'version 1')
})

t.test(
  'a row that is behind in two reads in a row is brought up to date, and nothing that it knows is lost',
  async t => {
    const { pause, read } = worker()
    const ofOther = encodePauses(onlyEntry('other', entry(3, true)))
    const rows = await read(row('s1', application(2, true)), row('s2'), row('s3', ofOther))
    t.same(pause.repairs(rows), [], 'an operator may be writing the others now')
    const repairs = pause.repairs(await read(...rows))
    t.same(
      repairs.map(({ lease }) => lease.leaseKey),
      ['s1', 's2', 's3'],
    )
    const whole = mergePauses([decodePauses(application(2, true)), decodePauses(ofOther)])
    for (const { next } of repairs) t.same(decodePauses(next.pause), whole)
    await read(...repairs.map(({ next }) => next))
    t.same(pause.repairs(repairs.map(({ next }) => next)), [])
  },
)
