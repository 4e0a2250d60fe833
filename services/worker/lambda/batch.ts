import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from '../../platform/log.ts'
import { ownerOfEvent } from '../../uploads/events/event-owner.ts'
import { OutOfTimeError } from '../errors.ts'
import { uploadFields } from '../processing/log-fields.ts'
import type { Processor } from '../processing/processor.ts'
import type { StreamRecord } from '../stream-record.ts'
import { createOwnerTurns } from './owner-turns.ts'

export interface BatchSettings {
  process: Processor['process']
  /** The log stream of the instance. Recorded with each upload. */
  workerId?: string | undefined
  log: Pick<Logger, 'warn'>
  /** Returns true if a record may have killed an earlier instance of the function, or ran out of time before. */
  isSuspect?: (record: StreamRecord) => boolean
  /** Called for a record that is aborted although it had nearly all of the function's time. */
  onOutOfTime?: (record: StreamRecord) => void
  /** Maximum number of records in flight, each of another partition key. */
  concurrency?: number
  /** Maximum number of attempts of a record in one invocation. */
  tries?: number
  /** Number of failures in a row, over all keys, after which no record is started: a dependency of all records is down. */
  failuresInARow?: number
  /** Time left until the function is killed, in milliseconds. */
  remainingMs(): number
  /** With less time left than this, no record is started. */
  startReserveMs?: number
  /** With less time left than this, records in flight are aborted. */
  abortReserveMs?: number
  /** Maximum time that aborted records have to clean up before the function returns. */
  cleanUpMs?: number
}

/** The share of the function's time that a record must have had, for its abort to count against the record. */
const WHOLE_TIME = 0.8

const BACKOFF_MS = { first: 200, factor: 4 }

/**
 * Processes records of one shard: records of a partition key in order, different keys and records without a key concurrently. A record
 * that fails blocks only the records of its own key. Owners take turns: the batch ends with its slowest record, but small records of another owner do not
 * wait for it.
 *
 * @returns the records that failed or did not finish in time, in their order
 */
export async function processBatch(records: readonly StreamRecord[], settings: BatchSettings): Promise<StreamRecord[]> {
  const { process, workerId, log, isSuspect = () => false, onOutOfTime, remainingMs } = settings
  const { concurrency = 16, tries = 3, failuresInARow = 20 } = settings
  const total = remainingMs()
  // The reserves never take more than half of the time, so that a function with a short time-out still processes records.
  const startReserve = Math.min(settings.startReserveMs ?? 5_000, total / 2)
  const abortReserve = Math.min(settings.abortReserveMs ?? 2_500, total / 4)
  const tidyMs = Math.min(settings.cleanUpMs ?? 1_500, total / 8)

  const unfinished = new Set(records)
  /** The records in flight, each with whether it has nearly all of the time. */
  const inFlight = new Map<StreamRecord, boolean>()
  const aborter = new AbortController()
  const { signal } = aborter
  let failed = 0
  const mayStart = () => remainingMs() > startReserve && !signal.aborted && failed < failuresInARow

  /** Resolves to true if the record is done. */
  async function tryRecord(record: StreamRecord, attempt: number): Promise<boolean> {
    const hasWholeTime = remainingMs() >= total * WHOLE_TIME
    inFlight.set(record, hasWholeTime)
    try {
      await process(record, { signal, attempt, workerId, isSuspect: isSuspect(record), hasWholeTime })
      failed = 0
      unfinished.delete(record)
      return true
    } catch (err) {
      failed++
      const { shardId, sequenceNumber } = record
      log.warn({ err, shardId, sequenceNumber, attempt, ...uploadFields(record) }, 'record failed and will be retried')
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
    aborter.abort(new OutOfTimeError('The Lambda function has almost no time left.'))
    await within(done, tidyMs)
  }
  return records.filter(record => unfinished.has(record))
}

/** Groups records by partition key. Groups and records keep their order. A record without a key has no order, and is alone in its group. */
function lanesOf(records: readonly StreamRecord[]): StreamRecord[][] {
  return [...Map.groupBy(records, record => record.partitionKey ?? record).values()]
}

/** Resolves after a time, or when the signal fires. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error
  })
}

/** Resolves when the promise resolves, or after `ms` milliseconds. */
async function within(promise: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const timeUp = new Promise<void>(resolve => {
    timer = setTimeout(resolve, ms)
  })
  await Promise.race([promise, timeUp]).finally(() => clearTimeout(timer))
}
