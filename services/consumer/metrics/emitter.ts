import { type Channel, channel } from 'node:diagnostics_channel'
import { EventEmitter } from 'node:events'
import type { ConsumerEvents } from '../events.ts'

/** Which consumer an event on a diagnostics channel is of: a process may have several. */
export interface EventOrigin {
  readonly workerId: string
  readonly applicationName: string
  readonly streamName: string
}

export type EventObserver = <Name extends keyof ConsumerEvents>(name: Name, event: ConsumerEvents[Name][0]) => void

type AnyListener = (...args: unknown[]) => unknown

/**
 * Tells what happens to the consumer: to its own listeners, and to the diagnostics channel `headgate:consumer:<event>` while
 * that has subscribers. A listener that throws, or whose promise rejects, is reported as a warning of the process and
 * breaks neither the consumer nor the other listeners.
 */
export class ConsumerEmitter extends EventEmitter<ConsumerEvents> {
  readonly #origin: EventOrigin
  readonly #observer: EventObserver
  readonly #channels = new Map<string | symbol, Channel>()

  /** @param observer is told everything too, before any listener; must not throw */
  constructor(origin: EventOrigin, observer: EventObserver) {
    super()
    this.#origin = origin
    this.#observer = observer
  }

  /** Whether anybody listens: what happens to every record is told only then. */
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
      const warning = `A listener of the event '${name}' of a KinesisConsumer failed; the consumer goes on.`
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
