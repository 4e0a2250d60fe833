import t from 'tap'
import { isLeftToOthers, renewLease } from '../../../services/consumer/leases/lease.ts'
import { Notices } from '../../../services/consumer/leases/notices.ts'
import { ConsumerEmitter } from '../../../services/consumer/metrics/emitter.ts'
import { leaseWith, ModelLeaseStore } from './support.ts'

async function tableOf(owners: Record<string, number>) {
  const store = new ModelLeaseStore()
  for (const [leaseOwner, count] of Object.entries(owners)) {
    for (let i = 0; i < count; i++) {
      const session = leaseOwner === 'kcl' ? undefined : `run@${leaseOwner}`
      await store.create(leaseWith({ leaseKey: `${leaseOwner}-${i}`, leaseOwner, session }))
    }
  }
  return store
}

const faults: string[] = []

const noticesOf = (workerId: string, store = new ModelLeaseStore()) =>
  new Notices({
    ...{ store, workerId, session: `run@${workerId}`, random: Math.random },
    events: new ConsumerEmitter(
      { workerId, applicationName: 'test', streamName: 'test' },
      name => void faults.push(name),
    ),
  })

t.test('every other worker gets a notice in up to eight of its rows, and KCL workers get none', async t => {
  const store = await tableOf({ me: 5, a: 20, b: 3, kcl: 9 })
  await noticesOf('me', store).send(await store.list())
  const noticed = (owner: string) =>
    [...store.rows.values()].filter(row => row.leaseOwner === owner && row.notice !== undefined).length
  t.same([noticed('a'), noticed('b'), noticed('me'), noticed('kcl')], [8, 3, 0, 0])
})

t.test('workers of a small table get no notices, because they scan it all the time', async t => {
  const store = await tableOf({ me: 8, a: 8 })
  await noticesOf('me', store).send(await store.list())
  t.same(store.writes, [])
})

t.test('a notice is new once, in whichever row it is', async t => {
  const store = await tableOf({ me: 5, a: 20 })
  const [mine, theirs] = [noticesOf('me', store), noticesOf('a')]
  await mine.send(await store.list())
  const rows = store.writes.filter(row => row.notice !== undefined)
  t.same(rows.map(row => theirs.isNew(row)).filter(Boolean).length, 1)
  t.notOk(theirs.isNew(leaseWith({ leaseKey: 'a-0' })))
  await mine.send(await store.list())
  t.ok(theirs.isNew(store.writes.at(-1) ?? leaseWith({ leaseKey: 'none' })), 'the next notice')
  t.notOk(theirs.isNew(rows[0] ?? leaseWith({ leaseKey: 'none' })), 'an older one')
})

t.test('leases of a dead worker that are left to others are marked at their counter, once', async t => {
  const store = await tableOf({ me: 5, a: 20, dead: 2 })
  const notices = noticesOf('me', store)
  const left = async () => (await store.list()).filter(row => row.leaseOwner === 'dead')
  await notices.sendAbout(await left(), await store.list())
  t.same(
    (await left()).map(row => row.availableCounter),
    [0, 0],
  )
  const { length } = store.writes
  await notices.sendAbout(await left(), await store.list())
  t.equal(store.writes.length, length)
})

t.test('a mark on a lease means nothing once its owner has renewed the lease', async t => {
  const marked = leaseWith({ leaseKey: 'a', leaseOwner: 'a', leaseCounter: 7, availableCounter: 7 })
  t.ok(isLeftToOthers(marked))
  t.notOk(isLeftToOthers(renewLease(marked, marked.checkpoint)))
  t.notOk(isLeftToOthers(leaseWith({ leaseKey: 'b', leaseOwner: 'a' })), 'never marked')
})

t.test('announcements that are wanted during one are made together, and one that fails is reported', async t => {
  const store = await tableOf({ me: 5, a: 20 })
  const notices = noticesOf('me', store)
  for (let times = 5; times > 0; times--) notices.announce()
  await notices.announced
  t.equal(store.writes.length, 8, 'all calls came before it began')
  store.list = () => Promise.reject(new Error('refused'))
  notices.announce()
  await notices.announced
  t.same(faults, ['fault'])
})
