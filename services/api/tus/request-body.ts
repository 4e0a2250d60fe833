import type { IncomingMessage } from 'node:http'
import { SlowUploadError } from '../../platform/s3/memory-pool.ts'
import { type Patience, patiently } from '../http/min-body-rate.ts'
import { ProblemError } from '../problems/problem.ts'

/** The body of one request, as far as it comes. */
export interface RequestBody {
  readonly bytes: AsyncGenerator<Uint8Array>
  /** Why it was not waited for any longer, where it was not. */
  readonly givenUp: ProblemError | SlowUploadError | undefined
}

/**
 * A body that breaks off, or comes too slowly, has arrived as far as it came: the protocol lets its client go on from there. So
 * it ends, and who was too slow is told of it afterwards.
 */
export function arrivingBody(raw: IncomingMessage, patience: Patience): RequestBody {
  let givenUp: ProblemError | SlowUploadError | undefined

  async function* bytes(): AsyncGenerator<Uint8Array> {
    try {
      yield* patiently(raw.iterator({ destroyOnReturn: false }), patience)
    } catch (error) {
      if (error instanceof ProblemError || error instanceof SlowUploadError) givenUp = error
      else if (!raw.destroyed) throw error
    }
  }

  return {
    bytes: bytes(),
    get givenUp() {
      return givenUp
    },
  }
}
