import { EventNotPublishedError } from '../errors.ts'
import type { UploadEvent } from './event.ts'
import type { EventPublisher } from './publisher.ts'

export interface PublishBreakerSettings {
  publisher: EventPublisher
  /**
   * A failure that took at least this long means an outage, in milliseconds. A failure that comes at once delays nothing, and is
   * ignored.
   */
  slowMs: number
  /** Time between two probes during an outage, in milliseconds. A probe sends one event. */
  probeEveryMs?: number
  /** Maximum time that a probe delays its upload, in milliseconds. A healthy Kinesis answers in less. */
  probeTimeoutMs?: number
  /** Called when an outage begins, with the publisher's error. */
  onOpen(cause: unknown): void
  /** Called when the outage ends, with its duration in milliseconds and the number of events that were refused. */
  onClose(outage: { ms: number; refused: number }): void
  /** Monotonic milliseconds. */
  now?: () => number
}

interface Outage {
  since: number
  cause: unknown
  refused: number
  /** When the next probe is sent. */
  probeAt: number
  isProbing: boolean
}

/**
 * A circuit breaker. Once Kinesis has accepted no event for as long as an event waits, further events are refused at once. Their uploads
 * are answered with 202 without a wait, and their sockets and memory are released. Probes are sent from time to time, and the first
 * event that Kinesis accepts ends the outage.
 *
 * The breaker judges the whole stream. If one shard of many refuses events, the others accept some and the breaker stays closed.
 */
export function createPublishBreaker(settings: PublishBreakerSettings): EventPublisher {
  const { publisher, slowMs, probeEveryMs = 1_000, probeTimeoutMs: probePatienceMs = 250, onOpen, onClose } = settings
  const { now = () => performance.now() } = settings
  let outage: Outage | undefined
  let lastAcceptedAt = Number.NEGATIVE_INFINITY

  async function send(event: UploadEvent): Promise<void> {
    const began = now()
    try {
      await publisher.publish(event)
    } catch (error) {
      if (!outage && lastAcceptedAt < began && now() - began >= slowMs) open(error)
      throw error
    }
    lastAcceptedAt = now()
    close()
  }

  function open(cause: unknown): void {
    outage = { since: now(), cause, refused: 0, probeAt: now() + probeEveryMs, isProbing: false }
    onOpen(cause)
  }

  function close(): void {
    if (!outage) return
    const { since, refused } = outage
    outage = undefined
    onClose({ ms: now() - since, refused })
  }

  /** Sends an event and waits for it only briefly. The relay publishes an event that is accepted later a second time. */
  async function probe(event: UploadEvent, during: Outage): Promise<void> {
    during.isProbing = true
    const { promise: timeout, reject } = Promise.withResolvers<never>()
    const timer = setTimeout(() => reject(refusal(during)), probePatienceMs)
    const sent = send(event).finally(() => {
      clearTimeout(timer)
      during.isProbing = false
      during.probeAt = now() + probeEveryMs
    })
    try {
      await Promise.race([sent, timeout])
    } catch (error) {
      during.refused++
      throw error
    }
  }

  return {
    async publish(event) {
      if (!outage) return send(event)
      if (!outage.isProbing && now() >= outage.probeAt) return probe(event, outage)
      outage.refused++
      throw refusal(outage)
    },
    drain: () => publisher.drain(),
  }
}

function refusal({ cause }: Outage): EventNotPublishedError {
  return new EventNotPublishedError('Kinesis accepts no events at the moment, so this event was not sent.', { cause })
}
