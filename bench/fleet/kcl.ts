import { SeededRandom } from '../../test/simulation/random.ts'
import { dollarsPerMonth, readUnits } from './capacity.ts'
import {
  CHANGED_WORKERS,
  type FleetChange,
  type FleetFigures,
  type FleetShape,
  MAX_MS,
  neededForJoin,
} from './measure.ts'

/** Defaults of KCL 2.7 and 3.5, in milliseconds. */
const FAILOVER_MS = 10_000
const EPSILON_MS = 25
const RENEW_MS = FAILOVER_MS / 3 - EPSILON_MS
/** KCL 2 elects the workers that synchronise shards every five minutes in each worker, and one of them audits. */
const ELECTION_MS = 300_000
const AUDIT_MS = 120_000

/** The latencies of the fleet of consumers. */
const CALL_MS = 8
const SCAN_ROW_MS = 0.1

interface KclWorker {
  /** When it next looks at the table. */
  at: number
  scannedAt: number
  diedAt: number
}

/** A worker of KCL is stopped in the same way in which it dies: it does not release its leases. */
interface KclFleet {
  readonly owners: Array<KclWorker | undefined>
  workers: KclWorker[]
  now: number
  moves: number
  /** Runs the next step. */
  step(): void
  join(): void
  isBalanced(): boolean
}

export interface KclModel {
  readonly name: string
  /** The interval of the taker, or of the leader. */
  readonly intervalMs: number
  /** Returns the scans a second of a whole fleet. */
  scansPerSecond(workers: number): number
  open(shape: FleetShape, random: SeededRandom): KclFleet
}

function fleetOf(shards: number): Omit<KclFleet, 'step' | 'join' | 'isBalanced'> {
  return { owners: new Array<KclWorker | undefined>(shards).fill(undefined), workers: [], now: 0, moves: 0 }
}

function give(fleet: Pick<KclFleet, 'owners' | 'moves'>, lease: number, to: KclWorker): void {
  fleet.owners[lease] = to
  fleet.moves++
}

function countsOf({ owners, workers }: Pick<KclFleet, 'owners' | 'workers'>): Map<KclWorker, number> {
  const counts = new Map(workers.map(worker => [worker, 0]))
  for (const owner of owners) if (owner && counts.has(owner)) counts.set(owner, (counts.get(owner) ?? 0) + 1)
  return counts
}

/** A look at the table shows that an owner is dead if it had died before the previous look: they are over 10 s apart. */
function isAvailable(owner: KclWorker | undefined, scannedAt: number): boolean {
  return owner === undefined || owner.diedAt <= scannedAt
}

/**
 * KCL 2.7. Every 2 × (failover + 25 ms), each worker scans the table, and takes available leases up to the rounded-up
 * share, or else steals one lease from the most loaded worker. At the start, each waits for 1 to 30 s for leases, with a
 * look every 3 s, and creates them one by one if there are none.
 */
export const kcl2: KclModel = {
  name: 'KCL 2.7',
  intervalMs: 2 * (FAILOVER_MS + EPSILON_MS),
  scansPerSecond: workers =>
    workers * (1_000 / (2 * (FAILOVER_MS + EPSILON_MS)) + 1_000 / ELECTION_MS) + 1_000 / AUDIT_MS,
  open({ shards, workers }, random) {
    const fleet = fleetOf(shards)
    const starts = Array.from({ length: workers }, () => random.between(1_000, 30_000))
    const first = Math.min(...starts)
    // The worker that creates the leases begins when they exist. The others begin at their next look.
    for (const start of starts) {
      const at = start === first ? first + shards * CALL_MS : Math.ceil(first / 3_000) * 3_000 + random.between(0, 100)
      fleet.workers.push({ at, scannedAt: Number.NEGATIVE_INFINITY, diedAt: Number.POSITIVE_INFINITY })
    }
    const rows = () => Math.min(shards, Math.max(0, Math.floor((fleet.now - first) / CALL_MS)))
    const step = () => {
      const worker = fleet.workers.reduce((a, b) => (a.at <= b.at ? a : b))
      fleet.now = worker.at
      const known = fleet.owners.slice(0, rows())
      const available = [...known.keys()].filter(lease => isAvailable(known[lease], worker.scannedAt))
      const loads = new Map<KclWorker, number[]>([[worker, []]])
      for (const [lease, owner] of known.entries()) {
        if (!owner || isAvailable(owner, worker.scannedAt)) continue
        loads.set(owner, [...(loads.get(owner) ?? []), lease])
      }
      const target = Math.max(1, Math.ceil(known.length / loads.size))
      const needed = target - (loads.get(worker)?.length ?? 0)
      const [, most = []] = [...loads].reduce((a, b) => (a[1].length >= b[1].length ? a : b))
      const mayTake = available.length > 0 ? Math.max(0, needed) : 0
      const chosen = available.sort(() => random.next() - 0.5).slice(0, mayTake)
      const maySteal = available.length === 0 && needed > 0 && most.length >= target + (needed > 1 ? 0 : 1)
      const stolen = maySteal ? random.pick(most) : undefined
      const leases = stolen === undefined ? chosen : [stolen]
      for (const lease of leases) give(fleet, lease, worker)
      worker.scannedAt = fleet.now
      worker.at = fleet.now + CALL_MS + known.length * SCAN_ROW_MS + leases.length * CALL_MS + kcl2.intervalMs
    }
    return Object.assign(fleet, {
      step,
      join: () => {
        const at = fleet.now + random.between(0, 100)
        fleet.workers.push({ at, scannedAt: Number.NEGATIVE_INFINITY, diedAt: Number.POSITIVE_INFINITY })
      },
      isBalanced: () => {
        const counts = [...countsOf(fleet).values()]
        return counts.reduce((a, b) => a + b, 0) === shards && Math.max(...counts) - Math.min(...counts) <= 1
      },
    })
  },
}

/** Workers of KCL 3 report their load this often, and get no lease before. */
const REPORT_MS = 30_000
const REBALANCE_THRESHOLD = 0.1
const DAMPENING = 0.6
const BALANCE_EVERY = 3

/**
 * KCL 3.5, with leases of equal load. Every 2 × failover, the leader scans the table and gives available leases to the
 * least loaded workers. In each third run it also takes 60 % of what a worker has above the average from each worker that
 * is over 10 % above it. A worker finds its leases at its next renewal. The leader does not die.
 */
export const kcl3: KclModel = {
  name: 'KCL 3.5',
  intervalMs: 2 * FAILOVER_MS,
  scansPerSecond: () => 1_000 / (2 * FAILOVER_MS) + 1_000 / AUDIT_MS,
  open({ shards, workers }, random) {
    const fleet = fleetOf(shards)
    const worker = (at: number) => ({ at, scannedAt: 0, diedAt: Number.POSITIVE_INFINITY })
    const first = random.between(1_000, 30_000) / workers + 1_000
    for (let left = workers; left > 0; left--) fleet.workers.push(worker(random.between(0, REPORT_MS)))
    let [at, runs, scannedAt] = [first + shards * CALL_MS, 0, Number.NEGATIVE_INFINITY]
    const step = () => {
      fleet.now = at
      const counts = countsOf({ ...fleet, workers: fleet.workers.filter(({ at: reportsAt }) => reportsAt <= at) })
      const least = () => [...counts.keys()].sort((a, b) => (counts.get(a) ?? 0) - (counts.get(b) ?? 0))[0]
      const assign = (lease: number) => {
        const to = least()
        if (!to) return
        counts.set(to, (counts.get(to) ?? 0) + 1)
        give(fleet, lease, to)
      }
      for (const [lease, owner] of fleet.owners.entries()) if (isAvailable(owner, scannedAt)) assign(lease)
      if (runs++ % BALANCE_EVERY === 0) {
        const average = shards / counts.size
        for (const [owner, count] of [...counts]) {
          if (count <= average * (1 + REBALANCE_THRESHOLD)) continue
          const excess = Math.floor((count - average) * DAMPENING)
          const leases = [...fleet.owners.keys()].filter(lease => fleet.owners[lease] === owner).slice(0, excess)
          counts.set(owner, count - leases.length)
          for (const lease of leases) assign(lease)
        }
      }
      scannedAt = at
      at += kcl3.intervalMs
      fleet.now += random.between(0, RENEW_MS)
    }
    return Object.assign(fleet, {
      step,
      join: () => void fleet.workers.push(worker(fleet.now + random.between(0, REPORT_MS))),
      /** Its own goal. */
      isBalanced: () => {
        const counts = [...countsOf(fleet).values()]
        const average = shards / counts.length
        const limit = Math.max(average * (1 + REBALANCE_THRESHOLD), Math.floor(average) + 2)
        return counts.reduce((a, b) => a + b, 0) === shards && Math.max(...counts) <= limit
      },
    })
  },
}

/** Returns the figures of a fleet of KCL workers by a model of its algorithm, on the table of the other fleet. */
export function kclFigures(model: KclModel, shape: FleetShape, rowBytes: number, seed: number): FleetFigures {
  const { shards, workers } = shape
  const random = new SeededRandom(seed)
  const fleet = model.open(shape, random)
  const held = () => [...countsOf(fleet).values()].reduce((a, b) => a + b, 0)
  const change = (needed: number, make: () => void): FleetChange => {
    const [startedAt, movesBefore] = [fleet.now, fleet.moves]
    make()
    let heldMs = held() === shards ? 0 : MAX_MS
    let balancedMs = MAX_MS
    while (fleet.now - startedAt < MAX_MS && balancedMs === MAX_MS) {
      fleet.step()
      if (held() === shards) heldMs = Math.min(heldMs, fleet.now - startedAt)
      if (fleet.isBalanced()) balancedMs = fleet.now - startedAt
    }
    return { heldMs, balancedMs, moves: fleet.moves - movesBefore, needed, gapP99Ms: heldMs }
  }
  const end = (count: number) => {
    const victims = fleet.workers.slice(1, count + 1) // The first one leads.
    const needed = victims.reduce((sum, victim) => sum + fleet.owners.filter(owner => owner === victim).length, 0)
    return change(needed, () => {
      fleet.workers = fleet.workers.filter(worker => !victims.includes(worker))
      for (const victim of victims) victim.diedAt = fleet.now
    })
  }
  const start = { ...change(shards, () => undefined), refusedWrites: 0 }
  const join = change(neededForJoin(shards, workers), () => {
    for (let left = CHANGED_WORKERS; left > 0; left--) fleet.join()
  })
  const [kill, stop] = [end(1), end(CHANGED_WORKERS - 1)]
  const reads = model.scansPerSecond(workers) * readUnits(shards * rowBytes, false)
  const writes = (shards * 1_000) / RENEW_MS
  const dollars = {
    readDollars: dollarsPerMonth({ reads, writes: 0 }),
    writeDollars: dollarsPerMonth({ reads: 0, writes }),
  }
  return { start, steady: { reads, writes, ...dollars, moves: 0 }, join, kill, stop, rowBytes }
}
