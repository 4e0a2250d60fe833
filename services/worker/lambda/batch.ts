import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from '../../platform/log.ts'
import { ownerOfEvent } from '../../uploads/events/event-owner.ts'
import { OutOfTimeError } from '../errors.ts'
import type { Processor } from '../processing/processor.ts'
import type { StreamRecord } from '../stream-record.ts'
import { createOwnerTurns } from './owner-turns.ts'

export interface BatchSettings {
  process: Processor['process']
  log: Pick<Logger, 'warn'>
  /** Whether a record may be what an instance before this one died of, or has been called off for want of time. */
  isSuspect?: (record: StreamRecord) => boolean
  /** Told of a record that is called off although it had nearly all of the function's time. */
  onOutOfTime?: (record: StreamRecord) => void
  /** Records under way at once, each of another partition key. */
  concurrency?: number
  /** Tries of a record that fails, before Lambda is told to bring it again. */
  tries?: number
  /** Failures in a row, over all keys, after which nothing more is begun: whatever is down is down for all. */
  failuresInARow?: number
  /** Time left until the function is killed, in milliseconds. */
  remainingMs(): number
  /** With less time left than this, nothing more is begun. */
  startReserveMs?: number
  /** With less time left than this, what is under way is called off. */
  abortReserveMs?: number
  /** How long what was called off may take to tidy up. After it the answer is given without it. */
  cleanUpMs?: number
}

/** Of the time that a function has, what a record must have had for its being called off to be its own fault. */
const WHOLE_TIME = 0.8

const BACKOFF_MS = { first: 200, factor: 4 }

/**
 * Processes records of one shard: those of a partition key in their order, different keys side by side. A record that fails
 * keeps back those of its own key alone. Owners take turns: the batch ends with its slowest record, but another owner's small ones
 * do not wait for that.
 *
 * @returns what failed or was not finished in time, in the order in which it came
 */
export async function processBatch(records: readonly StreamRecord[], settings: BatchSettings): Promise<StreamRecord[]> {
  const { process, log, isSuspect = () => false, onOutOfTime, remainingMs } = settings
  const { concurrency = 16, tries = 3, failuresInARow = 20 } = settings
  const total = remainingMs()
  // A function with a short time-out must get to work all the same: the reserves never take more than half of it.
  const startReserve = Math.min(settings.startReserveMs ?? 5_000, total / 2)
  const abortReserve = Math.min(settings.abortReserveMs ?? 2_500, total / 4)
  const tidyMs = Math.min(settings.cleanUpMs ?? 1_500, total / 8)

  const unfinished = new Set(records)
  /** What is under way, and whether it has nearly all of the time. */
  const inFlight = new Map<StreamRecord, boolean>()
  const aborter = new AbortController()
  const { signal } = aborter
  let failed = 0
  const mayStart = () => remainingMs() > startReserve && !signal.aborted && failed < failuresInARow

  /** Resolves to whether the record is done. */
  async function tryRecord(record: StreamRecord, attempt: number): Promise<boolean> {
    const hasWholeTime = remainingMs() >= total * WHOLE_TIME
    inFlight.set(record, hasWholeTime)
    try {
      await process(record, { signal, attempt, isSuspect: isSuspect(record), hasWholeTime })
      failed = 0
      unfinished.delete(record)
      return true
    } catch (err) {
      failed++
      const { shardId, sequenceNumber } = record
      log.warn({ err, shardId, sequenceNumber, attempt }, 'record failed, to be tried again')
      return false
    } finally {
      inFlight.delete(record)
    }
  }

  async function runLane(lane: readonly StreamRecord[]): Promise<void> {
    for (const record of lane) {
      for (let attempt = 1; ; attempt++) {
        if (!mayStart()) return
        if (await tryRecord(record, attempt)) break
        if (attempt === tries) return
        await pause(BACKOFF_MS.first * BACKOFF_MS.factor ** (attempt - 1) * (0.5 + Math.random()), signal)
      }
    }
  }

  const ownerOf = ([first]: StreamRecord[]) => (first && ownerOfEvent(first.data)) ?? ''
  const turns = createOwnerTurns(lanesOf(records), { ownerOf, concurrency })
  async function runLanes(): Promise<void> {
    for (let turn = turns.take(); turn; turn = turns.take()) {
      await runLane(turn.lane)
      turns.release(turn.owner)
    }
  }

  const done = Promise.all(Array.from({ length: concurrency }, runLanes))
  await within(done, total - abortReserve)
  if (unfinished.size > 0) {
    for (const [record, hasWholeTime] of inFlight) if (hasWholeTime) onOutOfTime?.(record)
    aborter.abort(new OutOfTimeError('The time of the Lambda function is nearly up.'))
    await within(done, tidyMs)
  }
  return records.filter(record => unfinished.has(record))
}

/** The records of each partition key, in their order. Lanes are in the order of their first records. */
function lanesOf(records: readonly StreamRecord[]): StreamRecord[][] {
  return [...Map.groupBy(records, record => record.partitionKey).values()]
}

/** Waits, unless the signal fires first. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error
  })
}

/** Waits for a promise, but no longer than so many milliseconds. */
async function within(promise: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const timeUp = new Promise<void>(resolve => {
    timer = setTimeout(resolve, ms)
  })
  await Promise.race([promise, timeUp]).finally(() => clearTimeout(timer))
}
