import { Deadline, withinDeadline } from '../../platform/deadline.ts'
import type { DeletedUpload, OutboxEntry } from '../../uploads/records/record.ts'

/** Deletions of the outbox that one pass finishes, once it has published the events. */
export interface OutboxDeletions {
  /** Keeps a deletion for `finish`. Beyond the bound a random one is left to a later pass. */
  add(deletion: DeletedEntry): void
  /**
   * Finishes the deletions, a few at a time, for a bounded time. Returns how many it finished, and the errors of the others. Those
   * that it did not begin are left to a later pass.
   */
  finish(): Promise<{ finished: number; errors: unknown[] }>
}

export type DeletedEntry = Extract<OutboxEntry, DeletedUpload>

export interface OutboxDeletionsSettings {
  /** Resolves to whether this relay has it now. */
  claim(deletion: DeletedEntry): Promise<boolean>
  complete(deletion: DeletedEntry): Promise<void>
  limits: DeletionLimits
  stopping: AbortSignal
  /** From 0 to under 1. */
  random(): number
}

export interface DeletionLimits {
  /** Maximum number that run side by side. */
  concurrency: number
  /** How long each may take, in milliseconds. What it has removed by then stays removed, and a later pass goes on. */
  eachMs: number
  /** How long a pass begins new ones, in milliseconds: the events of the next pass wait for it. */
  passMs: number
}

/** Maximum number of deletions that a pass keeps in memory. */
const MAX_KEPT = 1_000

export function createOutboxDeletions(settings: OutboxDeletionsSettings): OutboxDeletions {
  const { claim, complete, limits, stopping, random } = settings
  const kept: DeletedEntry[] = []
  let seen = 0

  async function finishOne(deletion: DeletedEntry): Promise<boolean> {
    const deadline = new Deadline({ quietMs: limits.eachMs, hardAt: performance.now() + limits.eachMs })
    async function claimAndComplete(): Promise<boolean> {
      if (!(await claim(deletion))) return false
      await complete(deletion)
      return true
    }
    try {
      // The deadline ends the requests. What waits for anything else is not waited for.
      return await withinDeadline(deadline, () => deadline.race(claimAndComplete()))
    } finally {
      deadline.end()
    }
  }

  return {
    add(deletion) {
      seen++
      if (kept.length < MAX_KEPT) kept.push(deletion)
      else {
        const at = Math.floor(random() * seen)
        if (at < MAX_KEPT) kept[at] = deletion
      }
    },

    async finish() {
      // From a random one on: those that take too long each time must not keep a pass from the ones behind them.
      const first = Math.floor(random() * kept.length)
      const order = [...kept.slice(first), ...kept.slice(0, first)]
      const until = performance.now() + limits.passMs
      const errors: unknown[] = []
      let finished = 0
      async function work(): Promise<void> {
        while (!stopping.aborted && performance.now() < until) {
          const deletion = order.shift()
          if (!deletion) return
          try {
            if (await finishOne(deletion)) finished++
          } catch (error) {
            errors.push(error)
          }
        }
      }
      await Promise.all(Array.from({ length: limits.concurrency }, work))
      return { finished, errors }
    },
  }
}
