import { currentDeadline } from '../../platform/deadline.ts'
import { type BodyPace, createRateMeter } from '../../platform/s3/body-pace.ts'
import { ProblemError } from '../problems/problem.ts'

export interface PatienceSettings {
  /** What a client has to send on average, in bytes a second. 0: as slowly as it likes. */
  minBytesPerSecond: number
  /** How long it may be slower than that, in milliseconds. */
  graceMs: number
}

/** How long one client is waited for. Only the time that is spent in waiting counts: S3 may be slow as well. */
export interface Patience extends BodyPace {
  /** @throws ProblemError where the client takes too long */
  wait<T>(next: Promise<T>): Promise<T>
  /** So many bytes have come. */
  received(bytes: number): void
}

/**
 * A client has the grace, and a second more for each so many bytes that it sends. The time-outs on silence do not end one that
 * sends a byte now and then, for hours, on as many connections as it has.
 */
export function createPatience(
  { minBytesPerSecond, graceMs }: PatienceSettings,
  now = () => performance.now(),
): Patience {
  // Of the request that it is made for: what is read of a body may be asked for from elsewhere.
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
      // By hand: a body may come in fifty thousand pieces, and `Promise.race` and `await` make ten promises for each.
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
    giveUp(error) {
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

/** Passes a body on for as long as it comes fast enough. @throws ProblemError */
export async function* patiently(body: AsyncIterable<Uint8Array>, patience: Patience): AsyncGenerator<Uint8Array> {
  const source = body[Symbol.asyncIterator]()
  let isOver = false
  try {
    for (;;) {
      const { value, done } = await patience.wait(source.next())
      if (done) {
        isOver = true
        return
      }
      patience.received(value.byteLength)
      yield value
    }
  } finally {
    // A source that is still waiting would only end with its next chunk.
    if (!isOver) void source.return?.()?.catch(() => undefined)
  }
}

function tooSlow(minBytesPerSecond: number): ProblemError {
  const detail = `The body comes too slowly: at least ${minBytesPerSecond} bytes a second are waited for.`
  return new ProblemError('request-timeout', detail, { headers: { connection: 'close' } })
}
