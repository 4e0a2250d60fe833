import { isOpen, type Lease } from '../../services/consumer/leases/lease.ts'
import { CHEAP_ROWS } from '../../services/consumer/leases/scan-schedule.ts'
import type { Worker } from './worker.ts'
import type { World } from './world.ts'

/** Time for the healthy fleet to become stable before. */
const CALM_MS = 5_000
/** Records that the departing worker may receive. */
const LAST_RECORDS = 8

/**
 * After the last fault, one worker departs for good: it freezes, or it stops while its handlers neither end nor react
 * to their signal. The other workers must not wait for it: within a bound, its leases have no owner or another one.
 */
export function depart(world: World): void {
  const { time, scenario } = world
  if (scenario.departure === 'none') return
  const heir = world.join() // Some of the others may still be suspended.
  time.at(time.now + CALM_MS, () => {
    const { scanIntervalMs, failoverMs, drainTimeoutMs } = scenario
    const worker = world.streams.of('departure').pick(world.active().filter(one => one !== heir && isOnly(one, world)))
    if (!worker || !heir.alive) return
    world.trace.add(`${worker.name} ${scenario.departure}`)
    worker.departed = true
    worker.handlers.isStuck = true
    for (let left = LAST_RECORDS; left > 0; left--) world.put()
    time.at(time.now + scenario.idleIntervalMs, () => leave(worker, world))
    // Without a maximum of leases, each of the others has room in its share. Otherwise, a lease may be left to workers that
    // may not take it, and is taken beyond the share within two failover times.
    const takenAfterMs = world.pausing.scenario.maxLeases === undefined ? failoverMs : 2 * failoverMs
    const least = scenario.departure === 'freezes' ? takenAfterMs : drainTimeoutMs
    // If nothing changes in a large table, the observers scan it once per failover time in turn, and notices take a third.
    const observing = world.kinesis.shards.length > CHEAP_ROWS ? 0.8 * failoverMs : 0
    // A worker whose list is older than a shard may not know that the parents of the shard are done. Then another worker
    // takes its lease beyond the share, once the lease was left to others for two scans.
    const newest = Math.max(...world.kinesis.shards.map(({ createdAt }) => createdAt))
    const leftOver = time.now - newest < scenario.shardSyncIntervalMs ? 3 * scanIntervalMs : 0
    const bound = scenario.idleIntervalMs + least + observing + leftOver + 3 * scanIntervalMs + 500
    time.at(time.now + bound, () => check(worker, world, bound))
  })
}

function leave(worker: Worker, world: World): void {
  if (world.scenario.departure === 'freezes') worker.process.stall(Number.MAX_SAFE_INTEGER)
  else world.stop(worker)
}

/** If two processes run with one worker id, nobody can tell whose the leases are. */
function isOnly(worker: Worker, { workers }: World): boolean {
  return !workers.some(other => other !== worker && other.alive && other.workerId === worker.workerId)
}

function check(worker: Worker, world: World, bound: number): void {
  const { name, workerId } = worker
  // A worker that freezes before it has started may be replaced under the same id. The leases of the other run are not
  // its own.
  const others = world.workers.filter(other => other !== worker && other.workerId === workerId)
  const isOthers = (session: string | undefined) => others.some(other => other.session === session)
  const rows = world.table.all()
  // Nobody else may take the lease of a shard whose parents have records left.
  const waits = ({ parentShardIds }: Lease) => rows.some(row => isOpen(row) && parentShardIds.includes(row.leaseKey))
  const held = rows.filter(lease => lease.leaseOwner === workerId && !isOthers(lease.session) && !waits(lease))
  if (held.length === 0) return
  const shards = held.map(lease => lease.leaseKey).join(' and ')
  world.violated('11', `${bound.toFixed()} ms after it departed ${name} still has ${shards}`)
}
