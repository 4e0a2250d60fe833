import { Deadline, withinDeadline } from '../../platform/deadline.ts'
import type { DeletedUpload, OutboxEntry } from '../../uploads/records/record.ts'

/** Finishes deletions of the outbox at the end of a pass, after the events are published. */
export interface OutboxDeletions {
  /** Keeps a deletion for `finish`. Beyond the maximum, a random one is left to a later pass. */
  add(deletion: DeletedEntry): void
  /**
   * Finishes deletions concurrently, for a limited time. Resolves to the number of finished ones and the errors of others. Deletions that
   * were not started are left to a later pass.
   */
  finish(): Promise<{ finished: number; errors: unknown[] }>
}

export type DeletedEntry = Extract<OutboxEntry, DeletedUpload>

export interface OutboxDeletionsSettings {
  /** Resolves to true if this relay has claimed the deletion. */
  claim(deletion: DeletedEntry): Promise<boolean>
  complete(deletion: DeletedEntry): Promise<void>
  limits: DeletionLimits
  stopping: AbortSignal
  /** From 0 to under 1. */
  random(): number
}

export interface DeletionLimits {
  /** Maximum number of deletions in flight. */
  concurrency: number
  /** Maximum time of each deletion, in milliseconds. A later pass continues it. */
  eachMs: number
  /** How long a pass starts new deletions, in milliseconds. The events of the next pass wait for it. */
  passMs: number
}

/** Maximum number of deletions that a pass keeps in memory. */
const MAX_KEPT = 1_000

export function createOutboxDeletions(settings: OutboxDeletionsSettings): OutboxDeletions {
  const { claim, complete, limits, stopping, random } = settings
  const kept: DeletedEntry[] = []
  let seen = 0

  async function finishOne(deletion: DeletedEntry): Promise<boolean> {
    const deadline = new Deadline({ idleTimeoutMs: limits.eachMs, hardAt: performance.now() + limits.eachMs })
    async function claimAndComplete(): Promise<boolean> {
      if (!(await claim(deletion))) return false
      await complete(deletion)
      return true
    }
    try {
      // The deadline ends the requests. Any other wait is abandoned.
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
      // Starts at a random one: deletions that always take too long must not block the ones behind them.
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
