import { depart } from './departure.ts'
import { scheduleFaults } from './faults.ts'
import { scheduleRetention } from './retention.ts'
import type { Scenario } from './scenario.ts'
import { type Violation, World } from './world.ts'

/** Time after the last fault within which every record must be handled and the fleet be stable, in milliseconds. */
const HEALING_MS = 120_000
/** More events than any run that makes progress. */
const MOST_EVENTS = 300_000
/** Time before the first worker starts. */
const HISTORY_MS = 2_500

export interface Outcome {
  readonly seed: number
  readonly violation: Violation | undefined
  readonly hash: string
  readonly events: number
  /** Virtual milliseconds. */
  readonly lasted: number
  readonly trace: readonly string[]
}

/** Runs one seed: records and faults for a while, then neither, until every record is done and no lease moves. */
export async function simulate(seed: number): Promise<Outcome> {
  const world = new World(seed)
  const { time, scenario, trace } = world
  const crashed = (error: unknown) => {
    world.violated('crash', error instanceof Error ? (error.stack ?? error.message) : String(error))
  }
  process.on('unhandledRejection', crashed)
  try {
    const chaosEnds = HISTORY_MS + scenario.chaosMs
    world.faultsEndAt = chaosEnds
    produce(world, chaosEnds)
    if (scenario.reshardsEarly) reshardEarly(world)
    for (let index = 0; index < scenario.workers; index++) {
      time.at(HISTORY_MS + world.streams.of('arrivals').between(0, scenario.arrivalMs), () => world.join())
    }
    time.at(HISTORY_MS, () => {
      scheduleFaults(world, chaosEnds)
      world.pausing.schedule(chaosEnds)
      world.neighbor?.schedule(chaosEnds)
      scheduleRetention(world, chaosEnds)
    })
    time.at(chaosEnds, () => heal(world))
    await time.run(chaosEnds, () => world.violation !== undefined)
    await rest(world)
  } catch (error) {
    crashed(error)
  } finally {
    process.off('unhandledRejection', crashed)
    for (const worker of world.workers) worker.process.kill()
  }
  return {
    ...{ seed, violation: world.violation, hash: trace.hash, events: time.events, lasted: time.now },
    trace: trace.last(4_000),
  }
}

function produce(world: World, until: number): void {
  const { time, streams, scenario } = world
  const random = streams.of('intervals of records')
  const next = () => {
    if (time.now >= until) return
    world.put()
    time.at(time.now + random.between(0, 2 * scenario.recordEveryMs), next)
  }
  next()
}

/** Closes shards before the application starts. */
function reshardEarly(world: World): void {
  world.time.at(HISTORY_MS / 3, () => {
    const shard = world.streams.of('early reshard').pick(world.kinesis.open())
    if (shard) world.kinesis.split(shard)
  })
}

const WELL: Scenario['handler'] = { maxMs: 20, fails: 0, deaf: 0, burns: 0, hangs: 0 }

/** Stops all faults, and makes sure that at least one worker is healthy. */
function heal(world: World): void {
  world.trace.add('healed')
  world.healed = true
  world.weather.heal()
  world.handling = WELL
  for (const worker of world.active()) {
    worker.process.continuesAt = Number.POSITIVE_INFINITY
    worker.process.trap = undefined
  }
  if (world.active().length === 0) world.join()
  depart(world)
  world.pausing.heal()
}

async function rest(world: World): Promise<void> {
  const { time, scenario } = world
  const latest = time.now + HEALING_MS
  const restMs = 2 * scenario.failoverMs + 3 * scenario.scanIntervalMs
  let isAtRest = false
  const look = () => {
    if (time.now - world.movedAt > restMs) isAtRest = world.unfinished() === undefined
    if (!isAtRest) time.at(time.now + 500, look)
  }
  time.at(time.now, look)
  await time.run(latest, () => isAtRest || world.violation !== undefined || time.events > MOST_EVENTS)
  if (isAtRest || world.violation) return
  const why = world.unfinished() ?? `leases still move, the last one ${(time.now - world.movedAt).toFixed()} ms ago`
  world.violated('10', `${(time.now - latest + HEALING_MS).toFixed()} ms after the faults were healed: ${why}`)
}
