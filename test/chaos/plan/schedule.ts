import { SeededRandom } from '../../simulation/random.ts'

export type Role = 'api' | 'worker'
export type Service = 's3' | 'dynamodb' | 'kinesis'

export const serviceStates = ['throttled', 'failing', 'resetting', 'losing', 'slow', 'partial', 'cutting'] as const

/** How a service misbehaves for a while. `partial`: Kinesis rejects some entries of a PutRecords. */
export type ServiceState = (typeof serviceStates)[number]

/** A fault of the plan. Times are in milliseconds. */
export type PlannedFault =
  /** kill -9, then another process in its place. */
  | { kind: 'kill'; role: Role; slot: number; downMs: number }
  /** SIGTERM, then another process in its place once it has ended. */
  | { kind: 'stop'; role: Role; slot: number; downMs: number }
  /** SIGSTOP, then SIGCONT. */
  | { kind: 'freeze'; role: Role; slot: number; forMs: number }
  /** A share of the requests to a service fails. */
  | { kind: 'service'; service: Service; state: ServiceState; chance: number; forMs: number }
  /** A shard is split, or two are merged, depending on `roll`, in [0, 1). */
  | { kind: 'reshard'; roll: number }

export type TimedFault = PlannedFault & { at: number }

export interface ScheduleSettings {
  seed: number
  /** For how long faults are injected, in milliseconds. */
  forMs: number
  slots: Record<Role, number>
  /** Average milliseconds between two faults. */
  everyMs: number
  /** The failover time: some freezes are shorter, some longer. */
  failoverMs: number
}

const KINDS = [
  ['kill', 30],
  ['stop', 12],
  ['freeze', 16],
  ['service', 34],
  ['reshard', 8],
] as const satisfies ReadonlyArray<readonly [PlannedFault['kind'], number]>

/** Plans the faults of a run, sorted by time. The same seed and settings give the same plan. */
export function planFaults(settings: ScheduleSettings): TimedFault[] {
  const random = new SeededRandom(settings.seed)
  const faults: TimedFault[] = []
  for (let at = settings.everyMs * random.next(); at < settings.forMs; ) {
    faults.push({ at: Math.floor(at), ...planFault(random, settings) })
    at += settings.everyMs * random.between(0.3, 1.7)
  }
  return faults
}

function planFault(random: SeededRandom, { slots, failoverMs }: ScheduleSettings): PlannedFault {
  const role: Role = random.chance(0.4) ? 'api' : 'worker'
  const target = { role, slot: random.integer(0, slots[role] - 1) }
  const downMs = Math.floor(random.between(0, 1_500))
  switch (pickKind(random.next() * 100)) {
    case 'kill':
      return { kind: 'kill', ...target, downMs }
    case 'stop':
      return { kind: 'stop', ...target, downMs }
    case 'freeze':
      return { kind: 'freeze', ...target, forMs: Math.floor(random.between(0.1, 3) * failoverMs) }
    case 'service':
      return planServiceFault(random)
    case 'reshard':
      return { kind: 'reshard', roll: random.next() }
  }
}

/** Plans slowness most often, so that later faults find many requests in flight. */
function planServiceFault(random: SeededRandom): PlannedFault {
  const state = random.chance(0.25) ? 'slow' : (random.pick(serviceStates) ?? 'slow')
  const service = state === 'partial' ? 'kinesis' : (random.pick(['s3', 'dynamodb', 'kinesis'] as const) ?? 's3')
  const isOutage = random.chance(0.35)
  const chance = isOutage ? 1 : random.between(0.05, 0.5)
  return { kind: 'service', service, state, chance, forMs: Math.floor(random.between(300, 6_000)) }
}

function pickKind(at: number): PlannedFault['kind'] {
  let upTo = 0
  for (const [kind, share] of KINDS) {
    upTo += share
    if (at < upTo) return kind
  }
  return 'service'
}
