import type { Logger } from '../../platform/log.ts'
import type { OutboxRelay } from '../outbox/relay.ts'
import { type TimeLeft, withinInvocation } from './within-invocation.ts'

export interface RelayHandlerSettings {
  createRelay(): Pick<OutboxRelay, 'runOnce' | 'stop' | 'oldestMs'>
  /** Told how long the oldest has waited that the pass had to leave, in milliseconds, where that is known. */
  onPass(oldestMs: number): void
  log: Pick<Logger, 'info'>
}

/** A handler for a schedule: one pass over the outbox each time, whatever the event. */
export type RelayHandler = (event: unknown, context: TimeLeft) => Promise<{ published: number }>

/** Where no container runs, nobody goes over the outbox: a schedule has to. Invocations side by side do no harm. */
export function createRelayHandler({ createRelay, onPass, log }: RelayHandlerSettings): RelayHandler {
  return async (_event, context) => {
    const relay = createRelay()
    try {
      const published = await withinInvocation(context, { run: () => relay.runOnce(), stop: () => relay.stop() })
      if (published > 0) log.info({ published }, 'published from the outbox')
      return { published }
    } finally {
      const oldestMs = relay.oldestMs()
      if (oldestMs !== undefined) onPass(oldestMs)
    }
  }
}
