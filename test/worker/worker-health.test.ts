import t from 'tap'
import { healthPages, live, ready } from '../../services/worker/health/worker-health.ts'

const consumer = (millisSinceScan: number | undefined) => ({
  workerId: 'w',
  millisSinceScan,
  paused: undefined,
  snapshot: () => [],
})

t.test('a worker is alive while it reads the lease table', async t => {
  const ok = (millis: number) => live(consumer(millis), { failoverMs: 10_000, millisSinceStart: 1e9, stuck: [] }).ok
  t.equal(ok(0), true)
  t.equal(ok(59_999), true)
  t.equal(ok(60_000), false)
})

t.test('a worker that never reads the lease table is alive for the maximum time of a start', async t => {
  const ok = (failoverMs: number, millisSinceStart: number) =>
    live(consumer(undefined), { failoverMs, millisSinceStart, stuck: [] }).ok
  t.equal(ok(10_000, 59_999), true)
  t.equal(ok(10_000, 60_000), false)
  t.equal(ok(1_000, 59_999), true, 'a minimum, because DynamoDB takes time to create a table')
  t.equal(ok(30_000, 179_999), true)
  t.equal(ok(30_000, 180_000), false)
})

t.test('a worker is ready after it has read the lease table', async t => {
  t.equal(ready(consumer(undefined), []).ok, false)
  t.equal(ready(consumer(1), []).ok, true)
})

t.test('a stuck shard makes its worker unready, and a hung one makes it not alive', async t => {
  const stuck = (isHung: boolean) =>
    [{ shardId: 'shardId-7', why: 'records wait and none is done', stalledMs: 400_000, isHung }] as const
  t.match(ready(consumer(1), stuck(false)), { ok: false, details: { stuck: [{ shardId: 'shardId-7' }] } })
  const liveness = { failoverMs: 10_000, millisSinceStart: 0 }
  t.match(live(consumer(1), { ...liveness, stuck: stuck(false) }), { ok: true, details: { stuck: undefined } })
  t.match(live(consumer(1), { ...liveness, stuck: stuck(true) }), {
    ok: false,
    details: { stuck: [{ shardId: 'shardId-7' }] },
  })
})

t.test('/livez and /readyz have the status and details of the reports', async t => {
  const pages = healthPages({
    live: () => ({ ok: true }),
    ready: () => ({ ok: false, details: { leases: 0, reason: 'starting' } }),
  })
  t.match(await pages['/livez']?.(), { status: 200, body: '{"status":"ok"}\n' })
  t.match(await pages['/readyz']?.(), {
    status: 503,
    body: '{"leases":0,"reason":"starting","status":"unavailable"}\n',
  })
})
