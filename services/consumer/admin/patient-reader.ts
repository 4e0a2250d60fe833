import type { Clock } from '../clock.ts'
import { classifyReadError, type StreamReader } from '../stream.ts'

const TRIES = 10
const WAIT_MS = 500

/** Reads a stream whose workers come first: what it is throttled at it tries again, for some seconds. */
export function patientReader(stream: StreamReader, clock: Clock): StreamReader {
  async function patiently<T>(call: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await call()
      } catch (error) {
        if (attempt === TRIES || classifyReadError(error) !== 'throttled') throw error
        await clock.sleep(WAIT_MS)
      }
    }
  }
  return {
    listShards: () => patiently(() => stream.listShards()),
    getIterator: (...call) => patiently(() => stream.getIterator(...call)),
    getRecords: (...call) => patiently(() => stream.getRecords(...call)),
  }
}
