import { type CheckSettings, findViolations } from './evidence/checker.ts'
import { takeInventory } from './evidence/collect.ts'
import type { Inventory } from './evidence/inventory.ts'
import type { Ledger } from './evidence/ledger.ts'
import { findNotificationViolations } from './evidence/notifications.ts'
import { startLoad } from './load.ts'
import { planFaults, type Role } from './plan/schedule.ts'
import { settle, settleNotifications } from './settle.ts'
import { injectFaults } from './world/inject-faults.ts'
import { startReceivers } from './world/receivers.ts'
import { withScope } from './world/scope.ts'
import { sendLater } from './world/send-later.ts'
import { sweepLater } from './world/sweep.ts'
import { startWorld } from './world/world.ts'

export interface ChaosSettings extends CheckSettings {
  seed: number
  uploads: number
  /** Maximum number of uploads that start per second. */
  rate: number
  slots: Record<Role, number>
  /** Average milliseconds between two faults. */
  everyMs: number
  /** How long an upload with an `Idempotency-Key` is retried, in milliseconds. */
  maxRetryMs?: number
  /** Whether receivers are notified of the uploads, of which some are dead. */
  notifies: boolean
  say(line: string): void
}

export interface Outcome {
  violations: string[]
  ledger: Ledger
  inventory: Inventory
  /** Numbers of faults, answers and final statuses. */
  counts: Record<string, number>
  /** The output of each process, by its name. */
  logs: Record<string, string>
}

const USERS = 5
const SHARDS = 3
const LANES = 40
const BURST = 30
const FAILOVER_MS = 2_000
/** A claim on a key lasts for 30 s after its process has died. */
const MAX_RETRY_MS = 60_000

/**
 * Runs the pipeline under load and faults, then without faults until every upload is settled. Then stops it and checks
 * the evidence.
 */
export function runChaos(settings: ChaosSettings): Promise<Outcome> {
  const { seed, uploads, rate, slots, everyMs, say, orphans, notifies, maxRetryMs = MAX_RETRY_MS } = settings
  return withScope(async scope => {
    const receivers = notifies ? await startReceivers(scope, seed) : undefined
    const ledger: Ledger = { seed, entries: [], exits: [], ...(receivers && { notifications: receivers.ledger }) }
    const onExit = (exit: Ledger['exits'][number]) => ledger.exits.push(exit)
    const world = await startWorld(scope, {
      ...{ slots, users: USERS, shards: SHARDS, failoverMs: FAILOVER_MS, onExit },
      env: receivers?.env ?? {},
    })
    say(`seed ${seed}: ${uploads} uploads, ${slots.api} api and ${slots.worker} worker processes`)

    const forMs = (uploads * 1_000) / rate
    const load = startLoad(world, { seed, uploads, rate, burst: BURST, lanes: LANES, maxRetryMs }, ledger.entries)
    const plan = planFaults({ seed, forMs, slots, everyMs, failoverMs: FAILOVER_MS })
    const faults = injectFaults(world, plan, { seed, say, elapsed: load.elapsed })
    await Promise.all([load.over, faults.over])
    await receivers?.recover()
    say(`all ${ledger.entries.length} uploads are sent; no further faults`)

    const all = [...world.slots.api, ...world.slots.worker]
    await Promise.all(all.map(slot => slot.untilServing()))
    await settle(world.aws, ledger.entries)
    // Checked before the sweep, which would also publish events that should not have needed it.
    const early = findViolations(ledger, await takeInventory(world.aws), { orphans: 'allowed' })
    if (orphans === 'swept' && early.length === 0) {
      const { requeued, removed } = await sweepLater(world.aws)
      say(`the sweep of orphans republished ${requeued} and removed ${removed}`)
      await settle(world.aws, ledger.entries)
    }
    await settleNotifications(world.aws, ledger)
    // Uploads do not wait for receivers: all are settled while this one has answered nothing.
    if (receivers) say(`all uploads are settled while ${receivers.hanging()} requests hang`)
    for (const slot of all) await slot.close()
    say('all uploads are settled, and all processes are stopped')

    const stopped = await takeInventory(world.aws)
    const unsent = findNotificationViolations(ledger, stopped, 'stopped')
    if (receivers && unsent.length === 0) {
      await receivers.hangUp()
      say(`a relay sent the rest of ${await sendLater(world.aws, receivers.env)} uploads, or gave it up`)
    }
    const inventory = receivers ? await takeInventory(world.aws) : stopped
    const violations = early.length > 0 ? early : findViolations(ledger, inventory, { orphans })
    return {
      violations: [
        ...violations,
        ...(unsent.length > 0 ? unsent : findNotificationViolations(ledger, inventory, 'later')),
      ],
      ledger,
      inventory,
      counts: { ...faults.counts, ...countsOf(ledger, inventory) },
      logs: Object.fromEntries(all.map(slot => [slot.name, slot.output])),
    }
  })
}

function countsOf({ entries, notifications }: Ledger, { records, undelivered }: Inventory): Record<string, number> {
  const counts: Record<string, number> = {}
  const count = (what: string) => {
    counts[what] = (counts[what] ?? 0) + 1
  }
  for (const { answer, format } of entries) count(`${format} ${answer.outcome}`)
  for (const { status } of records) count(`ended ${status}`)
  for (const { receiver, isAccepted } of notifications?.arrivals ?? []) {
    count(`${receiver} ${isAccepted ? 'accepted' : 'did not accept'}`)
  }
  for (const { receiver } of undelivered) count(`${receiver} given up`)
  return counts
}
