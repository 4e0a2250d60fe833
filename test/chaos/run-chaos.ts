import { type CheckSettings, findViolations } from './evidence/checker.ts'
import { takeInventory } from './evidence/collect.ts'
import type { Inventory } from './evidence/inventory.ts'
import type { Ledger } from './evidence/ledger.ts'
import { startLoad } from './load.ts'
import { planBlows, type Role } from './plan/schedule.ts'
import { settle } from './settle.ts'
import { dealBlows } from './world/blow.ts'
import { withScope } from './world/scope.ts'
import { sweepLater } from './world/sweep.ts'
import { startWorld } from './world/world.ts'

export interface ChaosSettings extends CheckSettings {
  seed: number
  uploads: number
  /** Uploads that begin within a second, at most. */
  rate: number
  slots: Record<Role, number>
  /** Between two blows, on average, in milliseconds. */
  everyMs: number
  /** How long an upload with an `Idempotency-Key` is sent again, in milliseconds. */
  patienceMs?: number
  say(line: string): void
}

export interface Outcome {
  violations: string[]
  ledger: Ledger
  inventory: Inventory
  /** Of blows, answers and ends. */
  counts: Record<string, number>
  /** What each process wrote, by its name. */
  logs: Record<string, string>
}

const USERS = 5
const SHARDS = 3
const LANES = 40
const BURST = 30
const FAILOVER_MS = 2_000
/** A claim on a key lasts for 30 s after its process has died. */
const PATIENCE_MS = 60_000

/** One run: the pipeline under load and blows, then in peace until all has settled, then stopped and looked at. */
export function runChaos(settings: ChaosSettings): Promise<Outcome> {
  const { seed, uploads, rate, slots, everyMs, say, strays, patienceMs = PATIENCE_MS } = settings
  return withScope(async scope => {
    const ledger: Ledger = { seed, entries: [], exits: [] }
    const onExit = (exit: Ledger['exits'][number]) => ledger.exits.push(exit)
    const world = await startWorld(scope, { slots, users: USERS, shards: SHARDS, failoverMs: FAILOVER_MS, onExit })
    say(`seed ${seed}: ${uploads} uploads, ${slots.api} api and ${slots.worker} worker processes`)

    const forMs = (uploads * 1_000) / rate
    const load = startLoad(world, { seed, uploads, rate, burst: BURST, lanes: LANES, patienceMs }, ledger.entries)
    const plan = planBlows({ seed, forMs, slots, everyMs, failoverMs: FAILOVER_MS })
    const blows = dealBlows(world, plan, { seed, say, elapsed: load.elapsed })
    await Promise.all([load.over, blows.over])
    say(`all ${ledger.entries.length} are sent, and nothing fails from here on`)

    const all = [...world.slots.api, ...world.slots.worker]
    await Promise.all(all.map(slot => slot.untilServing()))
    await settle(world.aws, ledger.entries)
    // Before the sweep: it publishes whatever waits, also what should not have needed it.
    const early = findViolations(ledger, await takeInventory(world.aws), { strays: 'allowed' })
    if (strays === 'swept' && early.length === 0) {
      const { requeued, removed } = await sweepLater(world.aws)
      say(`the sweep of strays had ${requeued} published again and removed ${removed}`)
      await settle(world.aws, ledger.entries)
    }
    for (const slot of all) await slot.close()
    say('all has come to rest and is stopped')

    const inventory = await takeInventory(world.aws)
    return {
      violations: early.length > 0 ? early : findViolations(ledger, inventory, { strays }),
      ledger,
      inventory,
      counts: { ...blows.counts, ...countsOf(ledger, inventory) },
      logs: Object.fromEntries(all.map(slot => [slot.name, slot.output])),
    }
  })
}

function countsOf({ entries }: Ledger, { records }: Inventory): Record<string, number> {
  const counts: Record<string, number> = {}
  const count = (what: string) => {
    counts[what] = (counts[what] ?? 0) + 1
  }
  for (const { answer, way } of entries) count(`${way} ${answer.outcome}`)
  for (const { status } of records) count(`ended ${status}`)
  return counts
}
