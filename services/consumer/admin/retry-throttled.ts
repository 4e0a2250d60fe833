import type { Clock } from '../clock.ts'
import { classifyReadError, type StreamReader } from '../stream.ts'

const MAX_ATTEMPTS = 10
const WAIT_MS = 500

/** Reads a stream whose workers come first: what it is throttled at it tries again, for some seconds. */
export function retryThrottled(stream: StreamReader, clock: Clock): StreamReader {
  async function withRetries<T>(call: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await call()
      } catch (error) {
        if (attempt === MAX_ATTEMPTS || classifyReadError(error) !== 'throttled') throw error
        await clock.sleep(WAIT_MS)
      }
    }
  }
  return {
    listShards: () => withRetries(() => stream.listShards()),
    getIterator: (...call) => withRetries(() => stream.getIterator(...call)),
    getRecords: (...call) => withRetries(() => stream.getRecords(...call)),
  }
}
