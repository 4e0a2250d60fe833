import { type Channel, channel } from 'node:diagnostics_channel'
import { EventEmitter } from 'node:events'
import type { ConsumerEvents } from '../events.ts'

/** The consumer that sent an event on a diagnostics channel. A process may have several consumers. */
export interface EventOrigin {
  /** The `workerId` of the consumer. */
  readonly workerId: string
  /** The option `applicationName` of the consumer. */
  readonly applicationName: string
  /** The option `streamName` of the consumer. */
  readonly streamName: string
}

export type EventObserver = <Name extends keyof ConsumerEvents>(name: Name, event: ConsumerEvents[Name][0]) => void

type AnyListener = (...args: unknown[]) => unknown

/**
 * Emits the events of a consumer to its listeners, and to the diagnostics channel `headgate:consumer:<event>` while
 * that has subscribers. A listener that throws or rejects is reported as a process warning, and affects neither the
 * consumer nor other listeners.
 */
export class ConsumerEmitter extends EventEmitter<ConsumerEvents> {
  readonly #origin: EventOrigin
  readonly #observer: EventObserver
  readonly #channels = new Map<string | symbol, Channel>()

  /** @param observer called with every event, before the listeners; must not throw */
  constructor(origin: EventOrigin, observer: EventObserver) {
    super()
    this.#origin = origin
    this.#observer = observer
  }

  /**
   * Returns true if the event has a listener or its channel has a subscriber. Events of single records are created only
   * then.
   */
  isObserved(name: keyof ConsumerEvents): boolean {
    return this.#channel(name).hasSubscribers || this.listenerCount(name) > 0
  }

  override emit<Name>(
    name: keyof ConsumerEvents | Name,
    ...args: Name extends keyof ConsumerEvents ? ConsumerEvents[Name] : never
  ): boolean
  override emit(name: keyof ConsumerEvents, ...args: ConsumerEvents[keyof ConsumerEvents]): boolean {
    const [event] = args
    this.#observer(name, event)
    const diagnostics = this.#channel(name)
    if (diagnostics.hasSubscribers) diagnostics.publish({ ...this.#origin, ...event })
    const listeners = this.rawListeners(name) as AnyListener[]
    for (const listener of listeners) void this.#callListener(name, listener, args)
    return listeners.length > 0
  }

  async #callListener(name: string, listener: AnyListener, args: readonly unknown[]): Promise<void> {
    try {
      await listener.apply(this, [...args])
    } catch (error) {
      const detail = error instanceof Error ? (error.stack ?? error.message) : String(error)
      const warning = `A listener of the event '${name}' of a KinesisConsumer failed. The consumer continues.`
      process.emitWarning(warning, { code: 'CONSUMER_LISTENER', detail })
    }
  }

  #channel(name: keyof ConsumerEvents): Channel {
    const known = this.#channels.get(name)
    if (known) return known
    const created = channel(`headgate:consumer:${name}`)
    this.#channels.set(name, created)
    return created
  }
}
