import { setTimeout as pass } from 'node:timers/promises'
import { names } from '../../../services/platform/resources.ts'
import { SeededRandom } from '../../simulation/random.ts'
import type { Blow, TimedBlow } from '../plan/schedule.ts'
import { reshard } from './reshard.ts'
import { brew } from './weather.ts'
import type { World } from './world.ts'

export interface Blows {
  /** How many of each kind were dealt. */
  readonly counts: Readonly<Record<string, number>>
  /** Resolves when all is over and healed. */
  readonly over: Promise<void>
}

export interface BlowSettings {
  seed: number
  /** Milliseconds of the plan that have passed. */
  elapsed(): number
  say(line: string): void
}

const LOOK_MS = 20

/** Deals blows as they are planned. One at a process that another is dealt at is left out. */
export function dealBlows(world: World, blows: readonly TimedBlow[], settings: BlowSettings): Blows {
  const { seed, elapsed, say } = settings
  const counts: Record<string, number> = {}
  const random = new SeededRandom(seed + 1)

  async function deal(blow: Blow): Promise<boolean> {
    switch (blow.kind) {
      case 'kill':
        return (await world.slots[blow.role][blow.slot]?.kill(blow.downMs)) ?? false
      case 'stop':
        return (await world.slots[blow.role][blow.slot]?.stop(blow.downMs)) ?? false
      case 'freeze':
        return (await world.slots[blow.role][blow.slot]?.freeze(blow.forMs)) ?? false
      case 'weather':
        await brew(world.proxies[blow.service], blow, random)
        return true
      case 'reshard':
        say(await reshard(world.aws.kinesis, names.stream, blow.roll))
        return true
    }
  }

  async function dealInTime({ at, ...blow }: TimedBlow): Promise<void> {
    while (elapsed() < at) await pass(Math.max(LOOK_MS, at - elapsed()))
    say(`${(at / 1_000).toFixed(1)} s: ${describe(blow)}`)
    if (await deal(blow)) counts[blow.kind] = (counts[blow.kind] ?? 0) + 1
  }

  return { counts, over: Promise.all(blows.map(dealInTime)).then(() => undefined) }
}

function describe(blow: Blow): string {
  const { kind, ...about } = blow
  return [
    kind,
    ...Object.values(about).map(value => (typeof value === 'number' ? Number(value.toFixed(2)) : value)),
  ].join(' ')
}
