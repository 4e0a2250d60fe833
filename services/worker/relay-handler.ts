import type { Context } from 'aws-lambda'
import type { OutboxRelay } from './outbox-relay.ts'

export interface RelayHandlerSettings {
  /** A relay for one pass. */
  createRelay(): Pick<OutboxRelay, 'runOnce' | 'stop' | 'oldestMs'>
  /** Told the age of the oldest upload that the pass had to leave, in milliseconds. */
  onPass(oldestMs: number): void
  /** With less time left than this, the pass begins nothing more, in milliseconds. */
  reserveMs?: number
}

export type RelayHandler = (
  event: unknown,
  context: Pick<Context, 'getRemainingTimeInMillis'>,
) => Promise<{ published: number }>

/** A handler for a schedule: one pass over the outbox for each call. Calls may overlap. */
export function createRelayHandler(settings: RelayHandlerSettings): RelayHandler {
  const { createRelay, onPass, reserveMs = 20_000 } = settings
  return async (_event, context) => {
    const relay = createRelay()
    const timer = setTimeout(() => void relay.stop(), Math.max(0, context.getRemainingTimeInMillis() - reserveMs))
    try {
      return { published: await relay.runOnce() }
    } finally {
      clearTimeout(timer)
      const oldestMs = relay.oldestMs()
      if (oldestMs !== undefined) onPass(oldestMs)
    }
  }
}
