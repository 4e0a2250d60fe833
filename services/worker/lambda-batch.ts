import type { Logger } from '../platform/log.ts'
import type { Processor } from './processor.ts'
import type { StreamRecord } from './record.ts'

export interface BatchSettings {
  process: Processor['process']
  log: Pick<Logger, 'warn'>
  /** Records under way at once, each of another partition key. */
  concurrency?: number
  /** Time left until the function is killed, in milliseconds. */
  remainingMs(): number
  /** With less time left than this, nothing more is begun. */
  startReserveMs?: number
  /** With less time left than this, what is under way is called off. */
  abortReserveMs?: number
  /** How long what was called off may take to tidy up. After it the answer is given without it. */
  tidyMs?: number
}

/**
 * Processes one batch of one shard: the records of a partition key in their order, different keys side by side.
 *
 * Lambda takes the answer as "done up to here": it begins again at the returned record, with everything behind it. So
 * nothing behind the lowest failure is begun any more, while what is before it still is: the fewer records come again.
 *
 * @returns the lowest sequence number that failed or was not finished in time, undefined when all are done
 */
export async function processBatch(
  records: readonly StreamRecord[],
  settings: BatchSettings,
): Promise<string | undefined> {
  const { process, log, concurrency = 16, remainingMs } = settings
  const total = remainingMs()
  // A function with a short time-out must get to work all the same: the reserves never take more than half of it.
  const startReserve = Math.min(settings.startReserveMs ?? 5_000, total / 2)
  const abortReserve = Math.min(settings.abortReserveMs ?? 2_500, total / 4)
  const tidyMs = Math.min(settings.tidyMs ?? 1_500, total / 8)

  const unfinished = new Set(records)
  const calledOff = new AbortController()
  let lowestFailure: bigint | undefined

  const mayBegin = (record: StreamRecord) =>
    remainingMs() > startReserve &&
    !calledOff.signal.aborted &&
    (lowestFailure === undefined || BigInt(record.sequenceNumber) < lowestFailure)

  async function runLane(lane: readonly StreamRecord[]): Promise<void> {
    for (const record of lane) {
      if (!mayBegin(record)) return
      try {
        await process(record, { signal: calledOff.signal })
        unfinished.delete(record)
      } catch (err) {
        const { shardId, sequenceNumber } = record
        log.warn({ err, shardId, sequenceNumber }, 'record failed, Lambda will bring it again')
        lowestFailure = lower(lowestFailure, BigInt(sequenceNumber))
        return
      }
    }
  }

  const waiting = lanesOf(records)
  async function runLanes(): Promise<void> {
    for (let lane = waiting.shift(); lane; lane = waiting.shift()) await runLane(lane)
  }

  const done = Promise.all(Array.from({ length: concurrency }, runLanes))
  await within(done, total - abortReserve)
  if (unfinished.size > 0) {
    calledOff.abort(new Error('The time of the Lambda function is nearly up.'))
    await within(done, tidyMs)
  }
  return lowestOf([...unfinished])
}

/** The records of each partition key, in their order. Lanes begin in the order of their first records. */
function lanesOf(records: readonly StreamRecord[]): StreamRecord[][] {
  return [...Map.groupBy(records, record => record.partitionKey).values()]
}

function lowestOf(records: readonly StreamRecord[]): string | undefined {
  return records
    .map(record => BigInt(record.sequenceNumber))
    .reduce<bigint | undefined>(lower, undefined)
    ?.toString()
}

function lower(a: bigint | undefined, b: bigint): bigint {
  return a === undefined || b < a ? b : a
}

/** Waits for a promise, but no longer than so many milliseconds. */
async function within(promise: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const timeUp = new Promise<void>(resolve => {
    timer = setTimeout(resolve, ms)
  })
  await Promise.race([promise, timeUp]).finally(() => clearTimeout(timer))
}
