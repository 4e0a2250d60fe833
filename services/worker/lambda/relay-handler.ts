import type { Logger } from '../../platform/log.ts'
import type { OutboxRelay } from '../outbox/relay.ts'
import { type TimeLeft, withinInvocation } from './within-invocation.ts'

export interface RelayHandlerSettings {
  createRelay(): Pick<OutboxRelay, 'runOnce' | 'stop' | 'oldestMs'>
  /** Called with the age of the oldest upload that the pass left, in milliseconds, if it is known. */
  onPass(oldestMs: number): void
  log: Pick<Logger, 'info'>
}

/** A handler for a schedule. Each invocation makes one pass over the outbox and ignores the event. */
export type RelayHandler = (event: unknown, context: TimeLeft) => Promise<{ published: number }>

/** Runs the outbox relay where no worker container runs. Concurrent invocations do no harm. */
export function createRelayHandler({ createRelay, onPass, log }: RelayHandlerSettings): RelayHandler {
  return async (_event, context) => {
    const relay = createRelay()
    try {
      const published = await withinInvocation(context, { run: () => relay.runOnce(), stop: () => relay.stop() })
      if (published > 0) log.info({ published }, 'published events from the outbox')
      return { published }
    } finally {
      const oldestMs = relay.oldestMs()
      if (oldestMs !== undefined) onPass(oldestMs)
    }
  }
}
