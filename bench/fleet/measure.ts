import { percentile } from '../lib/statistics.ts'
import { dollarsPerMonth } from './capacity.ts'
import { type Charges, FleetWorld } from './world.ts'

/** The shape of a fleet. */
export interface FleetShape {
  readonly shards: number
  readonly workers: number
}

/** A change of a fleet. Times in milliseconds of virtual time, from the change. */
export interface FleetChange {
  /** Until a running worker held every lease. */
  readonly heldMs: number
  /** Until the workers also differed by at most one lease. */
  readonly balancedMs: number
  /** Changes of owners until no lease moved any more. */
  readonly moves: number
  /** The least number of changes after which the fleet is balanced. */
  readonly needed: number
  /** How long leases had no running owner: the 99th percentile. 0 if none was without one. */
  readonly gapP99Ms: number
}

export interface FleetFigures {
  readonly start: FleetChange & { readonly refusedWrites: number }
  readonly join: FleetChange
  readonly kill: FleetChange
  readonly stop: FleetChange
  /** Request units a second while nothing changes, and dollars a month. */
  readonly steady: {
    readonly reads: number
    readonly writes: number
    readonly readDollars: number
    readonly writeDollars: number
    readonly moves: number
  }
  /** Mean size of a row in bytes. */
  readonly rowBytes: number
}

/** Number of workers that join. Of the larger fleet, one is killed, and then as many stop as had joined, less that one. */
export const CHANGED_WORKERS = 10
/** Workers of a deployment do not start in the same millisecond. */
const START_SPREAD_MS = 100
/** A change is over when no lease has moved for this time. */
const QUIET_MS = 30_000
/** What did not happen within this time counts as this time. */
export const MAX_MS = 900_000
/** Includes the longest interval of everything that is done regularly. */
const STEADY_MS = 660_000

/** Measures one fleet: its start, a steady state, a join, a kill and a stop. The same seed gives the same figures. */
export async function measureFleet(
  { shards, workers }: FleetShape,
  seed: number,
  steadyMs = STEADY_MS,
): Promise<FleetFigures> {
  const world = new FleetWorld(shards, seed)
  try {
    const start = await change(world, shards, () => {
      for (let left = workers; left > 0; left--) joinSoon(world)
      return workers
    })
    const refusedWrites = world.charges.refused
    const steady = await steadyOf(world, steadyMs)
    const join = await change(world, neededForJoin(shards, workers), () => {
      for (let left = CHANGED_WORKERS; left > 0; left--) joinSoon(world)
      return workers + CHANGED_WORKERS
    })
    const kill = await departure(world, 1, victim => world.kill(victim))
    const stop = await departure(world, CHANGED_WORKERS - 1, victim => world.stop(victim))
    return { start: { ...start, refusedWrites }, steady, join, kill, stop, rowBytes: world.rowBytes }
  } finally {
    world.close()
  }
}

function joinSoon(world: FleetWorld): void {
  world.time.at(world.time.now + world.random.between(0, START_SPREAD_MS), () => world.join())
}

/** Each worker of the larger fleet holds the rounded-down share at least, and the joining ones hold nothing before. */
export function neededForJoin(shards: number, workers: number): number {
  const least = Math.floor(shards / (workers + CHANGED_WORKERS))
  const extra = shards % (workers + CHANGED_WORKERS)
  // As many of the old workers as possible keep one more.
  return CHANGED_WORKERS * least + Math.max(0, extra - workers)
}

async function departure(
  world: FleetWorld,
  count: number,
  end: (victim: FleetWorld['workers'][number]) => void,
): Promise<FleetChange> {
  const victims = [...world.workers].sort(() => world.random.next() - 0.5).slice(0, count)
  const needed = victims.reduce((sum, victim) => sum + victim.consumer.snapshot().length, 0)
  return await change(world, needed, () => {
    for (const victim of victims) end(victim)
    return world.workers.length
  })
}

/** @param make makes the change, and returns how many workers run when it is complete */
async function change(world: FleetWorld, needed: number, make: () => number): Promise<FleetChange> {
  const startedAt = world.time.now
  const movesBefore = world.moves
  const isStart = world.held === 0
  world.gaps.length = 0
  const workers = make()
  const isComplete = () => world.workers.length === workers
  const heldMs = await duration(world, startedAt, () => isComplete() && world.held === world.shards)
  const balancedMs = await duration(world, startedAt, () => isComplete() && world.isBalanced)
  await world.until(() => world.time.now - Math.max(world.movedAt, startedAt) >= QUIET_MS, MAX_MS)
  const moves = world.moves - movesBefore + (isStart ? world.shards : 0)
  const gaps = isStart ? [] : world.gaps.map(({ ms }) => ms)
  return { heldMs, balancedMs, moves, needed, gapP99Ms: gaps.length > 0 ? percentile(gaps, 0.99) : 0 }
}

async function duration(world: FleetWorld, startedAt: number, isDone: () => boolean): Promise<number> {
  return (await world.until(isDone, MAX_MS)) ? world.time.now - startedAt : MAX_MS
}

async function steadyOf(world: FleetWorld, forMs: number): Promise<FleetFigures['steady']> {
  const before = world.charges
  const movesBefore = world.moves
  await world.until(() => false, forMs)
  const rate = (key: 'reads' | 'writes', after: Charges) =>
    (after[key] - before[key]) / ((after.at - before.at) / 1_000)
  const [reads, writes] = [rate('reads', world.charges), rate('writes', world.charges)]
  return {
    ...{ reads, writes, moves: world.moves - movesBefore },
    readDollars: dollarsPerMonth({ reads, writes: 0 }),
    writeDollars: dollarsPerMonth({ reads: 0, writes }),
  }
}
