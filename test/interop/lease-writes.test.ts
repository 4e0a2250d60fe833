import { setTimeout as wait } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { skipped, TIMEOUT_MS } from './support/java.ts'
import { FAILOVER_MS, ownedBy, type Row, Scene } from './support/scene.ts'
import type { KclVersion } from './support/servers.ts'

const SHARDS = 4
/** Ten renewals of each lease or more. */
const WINDOW_MS = 10 * FAILOVER_MS
const HOUR_MS = 3_600_000

t.setTimeout(2 * TIMEOUT_MS)

for (const version of ['kcl2', 'kcl3'] as const) {
  const title = `our leases are written no more often than those of ${version} at the same failover time`
  t.test(title, { skip: skipped, timeout: TIMEOUT_MS }, t => compare(t, version))
}

async function compare(t: Test, version: KclVersion): Promise<void> {
  const scene = await Scene.open(t, version, { shards: SHARDS })
  await scene.putRecords(100)
  const allIn = (worker: string) =>
    scene.until(`all leases in the hands of ${worker}`, leases => ownedBy(worker, leases).length === SHARDS)

  const java = await scene.kcl('java')
  await allIn('java')
  const theirs = await measure(scene)
  await java.kill()

  const ours = scene.consumer('ours')
  await ours.start()
  await allIn('ours')
  const before = ours.metrics().leaseTable.writes
  const own = await measure(scene)
  const asked = ours.metrics().leaseTable.writes - before

  for (const kind of ['busy', 'idle'] as const) {
    t.comment(`${kind}: ${perHour(own[kind])} writes a lease and hour, ${version}: ${perHour(theirs[kind])}`)
    // The windows may cut a renewal of each lease off at either end.
    t.ok(own[kind] <= theirs[kind] + SHARDS, `${kind}: ${own[kind]} writes, ${version} ${theirs[kind]}`)
    t.ok(own[kind] >= SHARDS * (WINDOW_MS / FAILOVER_MS), `${kind}: and often enough to keep them`)
  }
  // What raises no counter would not show in the table.
  t.ok(asked <= own.busy + own.idle + 4 * SHARDS, `${asked} writes were asked for, between the windows too`)
}

const perHour = (writes: number) => Math.round(((writes / SHARDS) * HOUR_MS) / WINDOW_MS)

/** Writes of all leases, while records come and while none do. */
async function measure(scene: Scene): Promise<Record<'busy' | 'idle', number>> {
  const flow = scene.flow()
  const busy = await countWrites(scene)
  await flow.stop()
  await scene.untilAllIsHandled()
  return { busy, idle: await countWrites(scene) }
}

/** Every write of a lease raises its counter by one, KCL's and ours: so the table itself counts them. */
async function countWrites(scene: Scene): Promise<number> {
  const before = sumOfCounters(await scene.leases())
  await wait(WINDOW_MS)
  return sumOfCounters(await scene.leases()) - before
}

const sumOfCounters = (leases: Map<string, Row>) =>
  [...leases.values()].reduce((sum, row) => sum + Number(row.leaseCounter?.N ?? 0), 0)
