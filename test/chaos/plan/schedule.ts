import { SeededRandom } from '../../simulation/random.ts'

export type Role = 'api' | 'worker'
export type Service = 's3' | 'dynamodb' | 'kinesis'

export const weathers = ['throttled', 'failing', 'resetting', 'losing', 'slow', 'partial', 'cutting'] as const

/** What is wrong with a service for a while. `partial` is Kinesis refusing some entries of a PutRecords. */
export type Weather = (typeof weathers)[number]

/** One thing that goes wrong. Times are milliseconds. */
export type Blow =
  /** kill -9, and another process in its place. */
  | { kind: 'kill'; role: Role; slot: number; downMs: number }
  /** SIGTERM, and another process in its place once it has ended. */
  | { kind: 'stop'; role: Role; slot: number; downMs: number }
  /** SIGSTOP, and SIGCONT later. */
  | { kind: 'freeze'; role: Role; slot: number; forMs: number }
  /** So large a part of the requests to a service fails. */
  | { kind: 'weather'; service: Service; weather: Weather; chance: number; forMs: number }
  /** A shard is split or two are merged: which is for `roll`, from 0 to under 1, to say. */
  | { kind: 'reshard'; roll: number }

export type TimedBlow = Blow & { at: number }

export interface ScheduleSettings {
  seed: number
  /** How long it blows. */
  forMs: number
  slots: Record<Role, number>
  /** Between two blows, on average. */
  everyMs: number
  /** How long a lease lasts without renewal: some freezes are shorter, some longer. */
  failoverMs: number
}

const KINDS = [
  ['kill', 30],
  ['stop', 12],
  ['freeze', 16],
  ['weather', 34],
  ['reshard', 8],
] as const satisfies ReadonlyArray<readonly [Blow['kind'], number]>

/** Everything that goes wrong in a run, in the order of time. The same seed and settings give the same. */
export function planBlows(settings: ScheduleSettings): TimedBlow[] {
  const random = new SeededRandom(settings.seed)
  const blows: TimedBlow[] = []
  for (let at = settings.everyMs * random.next(); at < settings.forMs; ) {
    blows.push({ at: Math.floor(at), ...planBlow(random, settings) })
    at += settings.everyMs * random.between(0.3, 1.7)
  }
  return blows
}

function planBlow(random: SeededRandom, { slots, failoverMs }: ScheduleSettings): Blow {
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
    case 'weather':
      return planWeather(random)
    case 'reshard':
      return { kind: 'reshard', roll: random.next() }
  }
}

/** Slowness most often: a blow that falls meanwhile finds much under way. */
function planWeather(random: SeededRandom): Blow {
  const weather = random.chance(0.25) ? 'slow' : (random.pick(weathers) ?? 'slow')
  const service = weather === 'partial' ? 'kinesis' : (random.pick(['s3', 'dynamodb', 'kinesis'] as const) ?? 's3')
  const isOutage = random.chance(0.35)
  const chance = isOutage ? 1 : random.between(0.05, 0.5)
  return { kind: 'weather', service, weather, chance, forMs: Math.floor(random.between(300, 6_000)) }
}

function pickKind(at: number): Blow['kind'] {
  let upTo = 0
  for (const [kind, share] of KINDS) {
    upTo += share
    if (at < upTo) return kind
  }
  return 'weather'
}
