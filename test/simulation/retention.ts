import { MOST_SHARDS } from './faults.ts'
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
 * A shard is split, a child of it as well, and the retention of both is over, before the reader of the shard sees any of
 * this. The list of shards no longer says whose descendants the grandchildren are.
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

/** Maximum time after which the next generation is over its retention as well, sometimes. */
const NEXT_GENERATION_MS = 2_000

function splitAndTrim(shard: ModelShard | undefined, world: World, until: number): void {
  const { kinesis, time, trace } = world
  const { random } = world.retention
  if (!shard || kinesis.shards.length >= MOST_SHARDS) return
  kinesis.split(shard)
  const child = random.pick(shard.children)
  if (!child) return
  kinesis.split(child)
  trace.add(`${shard.shardId} and its child ${child.shardId} are split and trimmed at once`)
  for (const old of [...ancestorsOf(shard), shard, child]) world.trim(old, old.records.length)
  const at = time.now + random.between(0, NEXT_GENERATION_MS)
  if (random.chance(0.5) || at >= until) return
  time.at(at, () => splitAndTrim(random.pick(child.children), world, until))
}

/** Returns the ancestors of a shard, the oldest first. A shard is not gone before its parents are. */
function ancestorsOf({ parents }: ModelShard): ModelShard[] {
  return [...new Set(parents.flatMap(parent => [...ancestorsOf(parent), parent]))]
}
