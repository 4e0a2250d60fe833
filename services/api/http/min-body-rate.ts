import { currentDeadline } from '../../platform/deadline.ts'
import { type BodyPace, createRateMeter } from '../../platform/s3/body-pace.ts'
import { ProblemError } from '../problems/problem.ts'

export interface MinBodyRate {
  /** Minimum average rate of a body, in bytes per second. 0 means no minimum. */
  minBytesPerSecond: number
  /** Time for which a body may be slower than the minimum, in milliseconds. */
  graceMs: number
}

/** Enforces the minimum rate of one body. Only time spent waiting for the client counts, because S3 may be slow too. */
export interface BodyRateGuard extends BodyPace {
  /** Waits for the next chunk. @throws ProblemError if the client takes too long */
  wait<T>(next: Promise<T>): Promise<T>
  /** Counts received bytes. */
  received(bytes: number): void
}

/**
 * Creates the guard for one body. The client may let the api wait for `graceMs` in total. Each `minBytesPerSecond` bytes that arrive
 * give it back one second, up to `graceMs`. An idle timeout would not be enough: a client can send a byte before each timeout, on
 * many connections, for hours.
 */
export function createBodyRateGuard(
  { minBytesPerSecond, graceMs }: MinBodyRate,
  now = () => performance.now(),
): BodyRateGuard {
  // The deadline of the request that creates the guard. Other code may read the body in another context.
  const deadline = currentDeadline()
  const isBounded = minBytesPerSecond > 0
  const meter = createRateMeter()
  let leftMs = graceMs
  let startedAt: number | undefined
  let givenUp: { error: Error } | undefined
  let fail: ((error: Error) => void) | undefined
  return {
    wait(next) {
      const started = now()
      startedAt = started
      deadline?.pause()
      // `Promise.race` and `await` would create ten promises per chunk, and a body may have 50,000 chunks.
      return new Promise((resolve, reject) => {
        let isOver = false
        const over = () => {
          isOver = true
          clearTimeout(timer)
          fail = undefined
          startedAt = undefined
          const waited = now() - started
          leftMs -= waited
          meter.waited(waited)
          deadline?.resume()
        }
        const failWith = (error: unknown) => {
          if (isOver) return
          over()
          reject(error)
        }
        const timer = isBounded
          ? setTimeout(() => failWith(tooSlow(minBytesPerSecond)), Math.max(0, leftMs))
          : undefined
        next.then(value => {
          if (isOver) return
          over()
          resolve(value)
        }, failWith)
        fail = failWith
        if (givenUp) failWith(givenUp.error)
      })
    },
    isAwaited: () => startedAt !== undefined,
    rate: () => meter.rate(startedAt === undefined ? 0 : now() - startedAt),
    abort(error) {
      givenUp ??= { error }
      fail?.(error)
    },
    received(bytes) {
      meter.received(bytes)
      if (!isBounded) return
      leftMs = Math.min(graceMs, leftMs + (bytes / minBytesPerSecond) * 1_000)
    },
  }
}

/** Passes on the chunks of a body while it arrives fast enough. @throws ProblemError if the body is too slow */
export async function* enforceRate(
  body: AsyncIterable<Uint8Array>,
  rateGuard: BodyRateGuard,
): AsyncGenerator<Uint8Array> {
  const source = body[Symbol.asyncIterator]()
  let isOver = false
  try {
    for (;;) {
      const { value, done } = await rateGuard.wait(source.next())
      if (done) {
        isOver = true
        return
      }
      rateGuard.received(value.byteLength)
      yield value
    }
  } finally {
    // Not awaited, because a source that waits for its next chunk only returns after that chunk.
    if (!isOver) void source.return?.()?.catch(() => undefined)
  }
}

function tooSlow(minBytesPerSecond: number): ProblemError {
  const detail = `The body arrived too slowly. The minimum rate is ${minBytesPerSecond} bytes per second.`
  return new ProblemError('request-timeout', detail, { headers: { connection: 'close' } })
}
