import type { Clock } from '../clock.ts'
import { ConsumerOptionError, StreamMissingError } from '../errors.ts'
import { classifyReadError, type StreamReader } from '../stream.ts'

/** A new stream takes about half a minute to become active. */
const CHECK_INTERVAL_MS = 1_000

export interface AwaitStreamSettings {
  stream: Pick<StreamReader, 'isActive'>
  streamName: string
  clock: Clock
  /** Ends the wait. */
  signal: AbortSignal
  onFault(error: unknown): void
}

/**
 * Resolves when the stream can be read. Waits while the stream is being created. If Kinesis does not answer the
 * question, the error is reported and the start goes on, because every later read is retried.
 *
 * @throws StreamMissingError; ConsumerOptionError if the client uses another region than that of the stream
 */
export async function awaitStream({ stream, streamName, clock, signal, onFault }: AwaitStreamSettings): Promise<void> {
  while (!signal.aborted) {
    try {
      if (await stream.isActive(signal)) return
    } catch (cause) {
      if (signal.aborted) return
      if (cause instanceof ConsumerOptionError) throw cause
      const fault = classifyReadError(cause)
      if (fault === 'not found') {
        const message = `The stream '${streamName}' does not exist. Check its name, and the region and the account of the KinesisClient.`
        throw new StreamMissingError(message, { cause })
      }
      if (fault !== 'in use') return onFault(cause)
    }
    await clock.sleep(CHECK_INTERVAL_MS, signal)
  }
}
