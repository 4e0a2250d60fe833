import { EventNotPublishedError } from '../errors.ts'
import type { UploadEvent } from './event.ts'
import type { EventPublisher } from './publisher.ts'

export interface PublishBreakerSettings {
  publisher: EventPublisher
  /**
   * A failure that came after so long is a sign of an outage, in milliseconds. What fails at once holds nobody up, so that
   * nothing has to be done about it.
   */
  slowMs: number
  /** How often one event is sent all the same during an outage, in milliseconds. */
  probeEveryMs?: number
  /** How long such an event is waited for, in milliseconds: Kinesis answers in less when it is well. */
  probeTimeoutMs?: number
  /** Told when an outage begins, with what the publisher said. */
  onOpen(cause: unknown): void
  /** Told when it is over, how long it was, in milliseconds, and how many events were not sent meanwhile. */
  onClose(outage: { ms: number; refused: number }): void
  /** Monotonic milliseconds. */
  now?: () => number
}

interface Outage {
  since: number
  cause: unknown
  refused: number
  /** When the next event is sent all the same. */
  probeAt: number
  isProbing: boolean
}

/**
 * A circuit breaker: once Kinesis has taken nothing for as long as an event waits for it, the events after are refused at once, so
 * that their uploads are answered with 202 without the wait and their sockets and memory are free. From time to time one is sent
 * all the same; the first that is taken ends the outage.
 *
 * It is the whole stream that is judged. Where one shard of many refuses, others take events, and nothing opens.
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

  /** Sends an event, and does not wait for it for long. What is taken too late is published a second time by the relay. */
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
  return new EventNotPublishedError('Kinesis has been taking no events: this one was not waited for.', { cause })
}
