import type { IncomingMessage } from 'node:http'
import { SlowUploadError } from '../../platform/s3/memory-pool.ts'
import { type BodyRateGuard, enforceRate } from '../http/min-body-rate.ts'
import { ProblemError } from '../problems/problem.ts'

/** The bytes of one request that arrive. */
export interface TusBody {
  readonly bytes: AsyncGenerator<Uint8Array>
  /** Why the api stopped waiting for more bytes. Undefined if it did not. */
  readonly failure: ProblemError | SlowUploadError | undefined
}

/**
 * Reads the body of a request. A body that is interrupted or too slow ends early instead of failing, because the protocol keeps the
 * bytes that have arrived and lets the client continue after them. A client that was too slow gets the error afterwards.
 */
export function readTusBody(raw: IncomingMessage, rateGuard: BodyRateGuard): TusBody {
  let failure: ProblemError | SlowUploadError | undefined

  async function* bytes(): AsyncGenerator<Uint8Array> {
    try {
      yield* enforceRate(raw.iterator({ destroyOnReturn: false }), rateGuard)
    } catch (error) {
      if (error instanceof ProblemError || error instanceof SlowUploadError) failure = error
      else if (!raw.destroyed) throw error
      else yield* unreadBytes(raw)
    }
  }

  return {
    bytes: bytes(),
    get failure() {
      return failure
    },
  }
}

/** Returns the bytes that had arrived when the connection was closed while the reader was waiting. An iterator discards them. */
function* unreadBytes(raw: IncomingMessage): Generator<Uint8Array> {
  for (;;) {
    const chunk: Uint8Array | null = raw.read()
    if (chunk === null) return
    yield chunk
  }
}
