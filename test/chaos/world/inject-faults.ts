import { setTimeout as pass } from 'node:timers/promises'
import { names } from '../../../services/platform/resources.ts'
import { SeededRandom } from '../../simulation/random.ts'
import type { PlannedFault, TimedFault } from '../plan/schedule.ts'
import { reshard } from './reshard.ts'
import { degradeService } from './service-faults.ts'
import type { World } from './world.ts'

export interface InjectedFaults {
  /** Number of injected faults of each kind. */
  readonly counts: Readonly<Record<string, number>>
  /** Resolves when every fault is over. */
  readonly over: Promise<void>
}

export interface InjectionSettings {
  seed: number
  /** Milliseconds of the plan that have passed. */
  elapsed(): number
  say(line: string): void
}

const LOOK_MS = 20

/** Injects faults at their planned times. Skips a fault of a process that already has one. */
export function injectFaults(world: World, faults: readonly TimedFault[], settings: InjectionSettings): InjectedFaults {
  const { seed, elapsed, say } = settings
  const counts: Record<string, number> = {}
  const random = new SeededRandom(seed + 1)

  async function inject(fault: PlannedFault): Promise<boolean> {
    switch (fault.kind) {
      case 'kill':
        return (await world.slots[fault.role][fault.slot]?.kill(fault.downMs)) ?? false
      case 'stop':
        return (await world.slots[fault.role][fault.slot]?.stop(fault.downMs)) ?? false
      case 'freeze':
        return (await world.slots[fault.role][fault.slot]?.freeze(fault.forMs)) ?? false
      case 'service':
        await degradeService(world.proxies[fault.service], fault, random)
        return true
      case 'reshard':
        say(await reshard(world.aws.kinesis, names.stream, fault.roll))
        return true
    }
  }

  async function injectInTime({ at, ...fault }: TimedFault): Promise<void> {
    while (elapsed() < at) await pass(Math.max(LOOK_MS, at - elapsed()))
    say(`${(at / 1_000).toFixed(1)} s: ${describe(fault)}`)
    if (await inject(fault)) counts[fault.kind] = (counts[fault.kind] ?? 0) + 1
  }

  return { counts, over: Promise.all(faults.map(injectInTime)).then(() => undefined) }
}

function describe(fault: PlannedFault): string {
  const { kind, ...about } = fault
  return [
    kind,
    ...Object.values(about).map(value => (typeof value === 'number' ? Number(value.toFixed(2)) : value)),
  ].join(' ')
}
