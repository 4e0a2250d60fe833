import type { Context } from 'aws-lambda'
import type { Logger } from '../platform/log.ts'
import type { OutboxRelay } from './outbox-relay.ts'

export interface RelayHandlerSettings {
  createRelay(): Pick<OutboxRelay, 'runOnce' | 'stop' | 'oldestMs'>
  /** Told how long the oldest has waited that the pass had to leave, in milliseconds, where that is known. */
  onPass(oldestMs: number): void
  log: Pick<Logger, 'info'>
  /** With less time left than this, nothing more is begun: what is under way may take as long as Kinesis is given. */
  reserveMs?: number
}

/** A handler for a schedule: one pass over the outbox each time, whatever the event. */
export type RelayHandler = (
  event: unknown,
  context: Pick<Context, 'getRemainingTimeInMillis'>,
) => Promise<{ published: number }>

/** Where no container runs, nobody goes over the outbox: a schedule has to. Invocations side by side do no harm. */
export function createRelayHandler(settings: RelayHandlerSettings): RelayHandler {
  const { createRelay, onPass, log, reserveMs = 15_000 } = settings
  return async (_event, context) => {
    const remaining = context.getRemainingTimeInMillis()
    const relay = createRelay()
    const timer = setTimeout(() => void relay.stop(), Math.max(remaining / 2, remaining - reserveMs))
    try {
      const published = await relay.runOnce()
      if (published > 0) log.info({ published }, 'published from the outbox')
      return { published }
    } finally {
      clearTimeout(timer)
      const oldestMs = relay.oldestMs()
      if (oldestMs !== undefined) onPass(oldestMs)
    }
  }
}
