import { mostShards } from './faults.ts'
import type { ModelShard } from './kinesis-model.ts'
import type { SeededRandom } from './random.ts'
import type { World } from './world.ts'

/** Readers that are behind the retention. */
export interface RetentionScenario {
  readonly random: SeededRandom
  /** Mean interval at which a shard and a child of it are trimmed at once, in milliseconds; undefined without. */
  readonly everyMs: number | undefined
}

export function drawRetention(random: SeededRandom): RetentionScenario {
  return { random, everyMs: random.chance(0.1) ? random.between(1_000, 5_000) : undefined }
}

/**
 * A shard is split, and a child of it or both as well, and their retention is over, before the reader of the shard sees
 * any of this. The list of shards no longer says whose descendants the grandchildren are.
 */
export function scheduleRetention(world: World, until: number): void {
  const { time } = world
  const { random, everyMs } = world.retention
  if (everyMs === undefined) return
  const next = () => {
    const at = time.now - everyMs * Math.log(1 - random.next())
    if (at >= until) return
    time.at(at, () => {
      splitAndTrim(random.pick(world.kinesis.open()), world, until)
      next()
    })
  }
  next()
}

function splitAndTrim(shard: ModelShard | undefined, world: World, until: number): void {
  const { kinesis, time, trace } = world
  const { random } = world.retention
  if (!shard || kinesis.shards.length >= mostShards(world)) return
  kinesis.split(shard)
  // If both children are trimmed, no shard in the list leads back to this one.
  const trimmed = random.chance(0.5) ? shard.children : shard.children.slice(0, 1)
  for (const child of trimmed) kinesis.split(child)
  const names = trimmed.map(({ shardId }) => shardId).join(' and ')
  trace.add(`${shard.shardId} and below it ${names} are split and trimmed at once`)
  for (const old of [...ancestorsOf(shard), shard, ...trimmed]) world.trim(old, old.records.length)
  const grandchild = random.pick(trimmed.flatMap(({ children }) => children))
  if (!grandchild || random.chance(0.3)) return
  // The retention of the next generation is over before a worker takes its lease, and nothing leads back to this lease.
  world.whenLeaseCreated(grandchild.shardId, () => {
    time.at(time.now + random.between(0, 200), () => {
      if (time.now < until) splitAndTrim(grandchild, world, until)
    })
  })
}

/** Returns the ancestors of a shard, the oldest first. A shard is not gone before its parents are. */
function ancestorsOf({ parents }: ModelShard): ModelShard[] {
  return [...new Set(parents.flatMap(parent => [...ancestorsOf(parent), parent]))]
}
