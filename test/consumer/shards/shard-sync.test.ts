import t from 'tap'
import { LATEST } from '../../../services/consumer/checkpoint.ts'
import type { Lease } from '../../../services/consumer/leases/lease.ts'
import { ConsumerEmitter } from '../../../services/consumer/metrics/emitter.ts'
import type { InitialPosition } from '../../../services/consumer/shards/initial-position.ts'
import type { Shard } from '../../../services/consumer/shards/shard.ts'
import { ShardSync } from '../../../services/consumer/shards/shard-sync.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { leaseWith, ModelLeaseStore } from '../leases/support.ts'

const HOUR = 3_600_000
const START = 1_700_000_000_000

const shard = (shardId: string, parents: string[], closed: boolean): Shard => ({
  shardId,
  parentShardIds: parents,
  startingHashKey: '0',
  endingHashKey: String(2n ** 128n - 1n),
  startingSequenceNumber: `start of ${shardId}`,
  closed,
})

/** A worker of a stream whose clock belongs to the test, with its own wall clock. */
function syncing(initialPosition: InitialPosition, { ahead = 0, store = new ModelLeaseStore() } = {}) {
  const clock = new FakeClock({ skipsSleep: true })
  const world = { shards: [shard('1', [], true), shard('2', ['1'], false)] }
  const streamNow = () => START + clock.now()
  const stream = {
    isActive: async () => true,
    listShards: async () => world.shards,
    getIterator: async (_: string, position: { type: string; at?: Date }) => {
      if (!position.at || position.at.getTime() <= streamNow()) return 'iterator'
      throw Object.assign(new Error('in the future'), { name: 'InvalidArgumentException' })
    },
    getRecords: () => Promise.reject(new Error('nothing is read')),
  }
  const origin = { workerId: 'me', applicationName: 'test', streamName: 'test' }
  const sync = new ShardSync({
    ...{ store, stream, initialPosition, clock },
    wallClock: () => streamNow() + ahead,
    events: new ConsumerEmitter(origin, () => undefined),
    ...{ shardSyncIntervalMs: 1_000, scanIntervalMs: 100, random: Math.random },
  })
  const look = async () => {
    await sync.runIfDue()
    clock.advance(1_000)
    return [...store.rows.values()].map(({ leaseKey, checkpoint, startAt }) => ({
      ...{ leaseKey, checkpoint: checkpoint.sequenceNumber, startAt },
    }))
  }
  return { clock, store, world, look }
}

t.test('a wall clock that is an hour ahead does not put LATEST into the future', async t => {
  const { look } = syncing('LATEST', { ahead: HOUR })
  const [lease] = await look()
  t.ok(lease?.startAt !== undefined && lease.startAt <= START && lease.startAt > START - HOUR)
})

t.test('LATEST is resolved before the table is read', async t => {
  const { look, store, clock } = syncing('LATEST')
  const list = store.list.bind(store)
  store.list = async () => {
    clock.advance(5_000) // During this time, another worker may create leases.
    return await list()
  }
  t.same(await look(), [{ leaseKey: '2', checkpoint: 'LATEST', startAt: START }])
})

t.test('a shard found later starts where the application did, not at a later LATEST', async t => {
  const { look, world } = syncing('LATEST')
  await look()
  world.shards = [shard('1', [], true), shard('2', ['1'], true), shard('3', ['2'], false)]
  t.same((await look()).at(-1), { leaseKey: '3', checkpoint: 'TRIM_HORIZON', startAt: START })
})

t.test('a deleted row starts where the application did, even if it was the last one', async t => {
  for (const position of ['LATEST', { timestamp: new Date(START) }] as const) {
    const { look, store } = syncing(position)
    await look()
    store.rows.clear()
    const lease = (await look()).find(({ leaseKey }) => leaseKey === '2')
    t.same(lease, { leaseKey: '2', checkpoint: 'TRIM_HORIZON', startAt: START })
  }
})

t.test('leases are planned from a consistent read', async t => {
  const { look, store } = syncing('TRIM_HORIZON')
  const readings: unknown[] = []
  const list = store.list.bind(store)
  store.list = async (...reading: unknown[]): Promise<Lease[]> => {
    readings.push(...reading)
    return await list()
  }
  await look()
  t.same(readings, [{ consistent: true }])
})

/** Lets `readers` workers read the table while it is empty, before the first of them writes to it. */
function readTogether(store: ModelLeaseStore, readers: number): void {
  const allHaveRead = Promise.withResolvers<void>()
  let left = readers
  store.list = async () => {
    if (--left === 0) allHaveRead.resolve()
    await allHaveRead.promise
    return [...store.rows.values()]
  }
}

t.test(
  'workers with different wall clocks that start an application at once give all shards one start time',
  async t => {
    const store = new ModelLeaseStore()
    const workers = [0, -HOUR, -2 * HOUR].map(ahead => syncing('LATEST', { ahead, store }))
    for (const { world } of workers) world.shards = ['1', '2', '3', '4'].map(shardId => shard(shardId, [], false))
    readTogether(store, workers.length)
    await Promise.all(workers.map(({ look }) => look()))
    t.same(
      [...store.rows.values()].map(({ leaseKey, startAt }) => [leaseKey, startAt]).sort(),
      ['1', '2', '3', '4'].map(shardId => [shardId, START]),
    )

    // A worker remembers the start time that is in the leases, not its own.
    for (const { look } of workers.slice(1)) {
      store.rows.clear()
      for (const { startAt } of await look()) t.equal(startAt, START)
    }
  },
)

t.test('a worker that starts an application at once with KCL keeps its own start time', async t => {
  const store = new ModelLeaseStore()
  const { look, world } = syncing('LATEST', { store })
  world.shards = ['1', '2'].map(shardId => shard(shardId, [], false))
  store.list = async () => {
    store.rows.set('1', leaseWith({ leaseKey: '1', checkpoint: LATEST })) // Created after this read.
    return []
  }
  t.same(await look(), [{ leaseKey: '1', checkpoint: 'LATEST', startAt: undefined }], 'KCL creates the others')
  t.same((await look()).at(-1), { leaseKey: '2', checkpoint: 'TRIM_HORIZON', startAt: START }, 'KCL has not created it')
})

t.test('of fifty workers that start an application at once, one creates the leases', async t => {
  const store = new ModelLeaseStore()
  const create = store.create.bind(store)
  let refused = 0
  store.create = async lease => {
    await new Promise(setImmediate)
    const isCreated = await create(lease)
    if (!isCreated) refused++
    return isCreated
  }
  const workers = Array.from({ length: 50 }, () => syncing('TRIM_HORIZON', { store }))
  for (const { world } of workers) {
    world.shards = Array.from({ length: 200 }, (_, i) => shard(`${i}`, [], false))
  }
  await Promise.all(workers.map(({ look }) => look()))
  t.equal(store.rows.size, 200)
  t.equal(refused, 49, 'each of the others tried one')
})

t.test('the leases that a dead worker has not created are created by another worker', async t => {
  const store = new ModelLeaseStore()
  const create = store.create.bind(store)
  const [dying, other] = [syncing('TRIM_HORIZON', { store }), syncing('TRIM_HORIZON', { store })]
  for (const { world } of [dying, other]) world.shards = ['1', '2', '3'].map(id => shard(id, [], false))
  store.create = async lease => {
    if (store.rows.size > 0) throw new Error('killed')
    return await create(lease)
  }
  await t.rejects(dying.look(), /killed/)
  store.create = create
  t.equal((await other.look()).length, 3)
})
