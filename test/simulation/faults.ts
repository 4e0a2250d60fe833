import type { SeededRandom } from './random.ts'
import { STRIKES, type Strike } from './scenario.ts'
import type { Worker } from './worker.ts'
import type { World } from './world.ts'

/** Maximum number of workers and of shards, with those that faults add. */
const mostWorkers = ({ scenario }: World) => Math.max(4, scenario.workers + 1)
export const mostShards = ({ scenario }: World) => Math.max(14, scenario.shards + 10)

/** Injects each kind of fault into the world. */
const EFFECTS: Readonly<Record<Strike, (world: World, random: SeededRandom) => void>> = {
  kill: (world, random) => onWorker(world, random, worker => world.replace(worker)),

  'kill at a call': (world, random) => {
    onWorker(world, random, worker => atCall(world, worker, random, () => world.replace(worker)))
  },

  stall: (world, random) => onWorker(world, random, worker => stall(world, worker, random)),

  'stall at a call': (world, random) => {
    onWorker(world, random, worker => atCall(world, worker, random, () => stall(world, worker, random)))
  },

  stop: (world, random) =>
    onWorker(world, random, worker => {
      world.stop(worker)
      world.time.at(world.time.now + random.between(0, 4_000), () => join(world))
    }),

  join,

  roll: world => {
    const old = world.active()
    for (const [index, worker] of old.entries()) {
      world.time.at(world.time.now + 1_000 * index, () => {
        if (world.healed) return
        world.join()
        if (worker.alive && !worker.stopping) world.stop(worker)
      })
    }
  },

  duplicate: (world, random) => {
    if (world.active().length >= mostWorkers(world)) return
    onWorker(world, random, worker => {
      const duplicate = world.join(worker.workerId)
      if (random.chance(0.5)) return
      const victim = random.chance(0.5) ? worker : duplicate
      world.time.at(world.time.now + random.between(500, 4_000), () => {
        if (!world.healed) world.kill(victim)
      })
    })
  },

  'wall clock': (world, random) =>
    onWorker(world, random, worker => {
      worker.clockErrorMs = wrongBy(random)
      world.trace.add(`${worker.name} has a wall clock that is ${worker.clockErrorMs} ms wrong`)
    }),

  split: (world, random) => reshard(world, random, 1),

  merge(world, random) {
    const shard = random.pick(world.kinesis.open())
    if (!shard || world.kinesis.shards.length >= mostShards(world)) return
    world.kinesis.merge(shard)
    world.trace.add(`${shard.shardId} is merged into ${shard.children.map(({ shardId }) => shardId)}`)
  },

  /** Splits and merges shards several times before anybody has read them. */
  storm(world, random) {
    reshard(world, random, 3)
    EFFECTS.merge(world, random)
  },

  trim(world, random) {
    const shard = random.pick(world.kinesis.shards)
    if (shard) world.trim(shard, random.chance(0.5) ? shard.records.length : random.integer(1, 5))
  },

  'delete row': (world, random) => {
    const leases = world.table.all()
    const lease = random.pick(leases)
    // An empty table means a new application: the starting time is lost with the last lease.
    const isLastOfStart = leases.length === 1 && world.scenario.initialPosition !== 'TRIM_HORIZON'
    if (lease && !isLastOfStart) world.table.delete(lease.leaseKey, 'operator')
  },

  /** Running workers create the table again. At LATEST or a timestamp, the application would start anew. */
  'drop table': world => {
    if (world.scenario.initialPosition === 'TRIM_HORIZON') world.table.drop()
  },

  /** Edits a row by hand without changing the counter. */
  'edit row': (world, random) => {
    const lease = random.pick(world.table.all())
    if (!lease || lease.checkpoint.sequenceNumber === 'SHARD_END') return
    const { leaseKey } = lease
    switch (random.integer(0, 3)) {
      case 0:
        return world.table.edit(leaseKey, 'operator', { leaseOwner: undefined })
      case 1:
        return world.table.edit(leaseKey, 'operator', { checkpointOwner: { S: 'kcl' } })
      case 2: // Like a row that was deleted and created again by a duplicate of the owner.
        return world.table.edit(leaseKey, 'operator', { headgateSession: { S: 'another' } })
      default:
        return rewind(world, leaseKey, random)
    }
  },

  /**
   * The leader of a KCL 3.x fleet hands a lease over to one of the workers, or to a worker that never takes it, and
   * assigns it later.
   */
  'hand-off': (world, random) => {
    const lease = random.pick(
      world.table.all().filter(({ leaseOwner, checkpointOwner }) => leaseOwner && !checkpointOwner),
    )
    if (!lease?.leaseOwner || lease.checkpoint.sequenceNumber === 'SHARD_END') return
    const { leaseKey, leaseOwner: current } = lease
    const next = random.chance(0.5) ? 'kcl' : (random.pick(world.active())?.workerId ?? 'kcl')
    if (next === current) return
    world.table.edit(leaseKey, 'leader', { leaseOwner: { S: next }, checkpointOwner: { S: current } })
    if (random.chance(0.3)) return // The leader dies before it assigns the lease.
    world.time.at(world.time.now + random.between(100, 3_000), () => {
      const now = world.table.get(leaseKey)
      if (now?.leaseOwner !== next || now.checkpointOwner !== current) return
      const leaseCounter = { N: String(now.leaseCounter + 1) }
      world.table.edit(leaseKey, 'leader', { leaseOwner: { S: next }, checkpointOwner: undefined, leaseCounter })
    })
  },

  burst: (world, random) => {
    const service = random.pick(['dynamodb', 'dynamodb', 'kinesis', 's3'] as const) ?? 'dynamodb'
    world.weather.burst(service, random.between(500, 2 * world.scenario.failoverMs))
  },

  /** A dependency of every handler fails, for all workers. */
  outage: (world, random) => {
    world.outageUntil = world.time.now + random.between(200, 4_000)
  },

  /** A program that is not a worker subscribes with the consumer of this application. */
  intruder: (world, random) => {
    const shard = random.pick(world.kinesis.open())
    if (shard) world.subscriptions.intrude(shard)
  },

  /** An operator redrives dead letters several times. */
  redrive: (world, random) => {
    const letter = random.pick(world.letters.all())
    for (let times = random.integer(1, 3); letter && times > 0; times--) world.application.puts('a redrive', letter)
  },
}

/** Maximum error of a wall clock, in milliseconds. */
export function wrongBy(random: SeededRandom): number {
  const most = random.pick([300, 3_000, 3_600_000]) ?? 0
  return Math.round(random.between(-most, most))
}

/** Injects each fault of the run repeatedly, at random times, until the end of the faults. */
export function scheduleFaults(world: World, until: number): void {
  const { time, streams, scenario } = world
  for (const strike of STRIKES) {
    const meanMs = scenario.strikes.get(strike)
    if (meanMs === undefined) continue
    const random = streams.of(`fault: ${strike}`)
    const next = () => {
      const at = time.now - meanMs * Math.log(1 - random.next())
      if (at >= until) return
      time.at(at, () => {
        world.trace.add(`fault: ${strike}`)
        EFFECTS[strike](world, random)
        next()
      })
    }
    next()
  }
}

function onWorker(world: World, random: SeededRandom, strike: (worker: Worker) => void): void {
  const worker = random.pick(world.active())
  if (worker) strike(worker)
}

function join(world: World): void {
  if (world.active().length < mostWorkers(world)) world.join()
}

/** Injects a fault at one of the next calls of the worker, before it is sent or in flight. */
function atCall({ trace }: World, { process }: Worker, random: SeededRandom, strike: () => void): void {
  let left = random.integer(0, 12)
  const when = random.chance(0.5) ? 'before sending' : 'after sending'
  process.trap = () => {
    if (left-- > 0) return undefined
    process.trap = undefined
    trace.add(`${process.name} is struck ${when}`)
    return when
  }
  process.fall = strike
}

function stall(world: World, { process }: Worker, random: SeededRandom): void {
  const ms = random.chance(0.1) ? 30_000 : random.between(100, 3 * world.scenario.failoverMs)
  world.trace.add(`${process.name} stalls for ${ms.toFixed()} ms`)
  process.stall(ms)
}

function reshard(world: World, random: SeededRandom, splits: number): void {
  for (let left = splits; left > 0; left--) {
    const shard = random.pick(world.kinesis.open())
    if (!shard || world.kinesis.shards.length >= mostShards(world)) return
    world.kinesis.split(shard)
    world.trace.add(`${shard.shardId} is split into ${shard.children.map(({ shardId }) => shardId)}`)
  }
}

/** Moves the checkpoint back to an earlier handled record, so that records are handled again. */
function rewind(world: World, leaseKey: string, random: SeededRandom): void {
  const { checkpoint } = world.table.get(leaseKey) ?? {}
  const records = world.ledger.ofShard(leaseKey)
  const reached = checkpoint && world.ledger.find(checkpoint)
  const back = reached && records[random.integer(0, reached.index)]
  if (!back || back.index >= reached.index || world.ledger.isBeforeStart(back)) return
  world.table.edit(leaseKey, 'operator', {
    checkpoint: { S: back.position.sequenceNumber },
    checkpointSubSequenceNumber: { N: String(back.position.subSequenceNumber) },
  })
}
