import type { EmitMetrics } from '../../platform/emf.ts'
import type { NotificationCounts } from './receiver.ts'

const zero = () => ({ NotificationsSent: 0, NotificationsFailed: 0, NotificationDeadLetters: 0 })

/** Counts notifications by destination, for CloudWatch. */
export interface EmittedCounts extends NotificationCounts {
  /** Emits what was counted since the last call, in one line for each destination. */
  emit(): void
}

/** CloudWatch gets sums from time to time: a line of the log for each notification would cost more than the notification. */
export function createEmittedCounts(emitMetrics: EmitMetrics, also: readonly NotificationCounts[] = []): EmittedCounts {
  const counts = new Map<string, ReturnType<typeof zero>>()
  const add = (destination: string, metric: keyof ReturnType<typeof zero>) => {
    const of = counts.get(destination) ?? zero()
    of[metric]++
    counts.set(destination, of)
  }
  return {
    sent(destination) {
      add(destination, 'NotificationsSent')
      for (const other of also) other.sent(destination)
    },
    failed(destination) {
      add(destination, 'NotificationsFailed')
      for (const other of also) other.failed(destination)
    },
    deadLettered(destination) {
      add(destination, 'NotificationDeadLetters')
      for (const other of also) other.deadLettered(destination)
    },
    emit() {
      for (const [Destination, values] of counts) emitMetrics(values, { Destination })
      counts.clear()
    },
  }
}
