import type { Logger } from '../../platform/log.ts'
import type { ObjectRef } from '../../uploads/records/record.ts'
import type { UploadKey, UploadStore } from '../../uploads/records/store.ts'
import type { Trail } from '../../uploads/records/trail.ts'
import type { StreamRecord } from '../stream-record.ts'

export interface ProcessingMarkSettings {
  store: Pick<UploadStore, 'markProcessing'>
  /** Time after which an upload is marked, in milliseconds. */
  afterMs: number
  log: Pick<Logger, 'warn'>
}

/**
 * Runs the work on an upload, and marks the upload `processing` if the work takes longer than a while. Most uploads are done sooner and
 * save the write. If the write fails, the upload is processed all the same.
 */
export type RunMarked = <T>(upload: UploadKey | undefined, source: ObjectRef, work: () => Promise<T>) => Promise<T>

export function createRunMarked({ store, afterMs, log }: ProcessingMarkSettings): RunMarked {
  async function mark(upload: UploadKey, source: ObjectRef, signal: AbortSignal): Promise<void> {
    try {
      await store.markProcessing(upload, source, signal)
    } catch (err) {
      if (!signal.aborted) log.warn({ err, uploadId: upload.uploadId }, 'the upload could not be marked as processing')
    }
  }

  return async (upload, source, work) => {
    if (!upload) return work()
    const over = new AbortController()
    let marked: Promise<void> | undefined
    const timer = setTimeout(() => {
      marked = mark(upload, source, over.signal)
    }, afterMs)
    try {
      return await work()
    } finally {
      clearTimeout(timer)
      // A request that hangs must not delay the upload. A request that arrives late finds another status and changes nothing.
      over.abort()
      await marked
    }
  }
}

/** Most failures are over at the second attempt, and save the write. */
const RECORDED_FROM_ATTEMPT = 3
/** The retry must not wait long for a record that only informs. */
const RECORD_TIMEOUT_MS = 2_000

/** An attempt that failed and is retried. */
export interface FailedAttempt {
  upload: UploadKey
  source: ObjectRef
  trail: Trail
  error: unknown
}

/**
 * Returns a function that records why an upload is retried, so that operators see it in the console before the upload has ended. If the
 * write fails, the upload is retried all the same.
 */
export function createRecordRetry({ store, log }: Pick<ProcessingMarkSettings, 'store' | 'log'>) {
  return async ({ upload, source, trail, error }: FailedAttempt, signal: AbortSignal): Promise<void> => {
    if (trail.attempt < RECORDED_FROM_ATTEMPT) return
    const bound = AbortSignal.any([signal, AbortSignal.timeout(RECORD_TIMEOUT_MS)])
    try {
      await store.markProcessing(upload, source, bound, { ...trail, error: messagesOf(error) })
    } catch (err) {
      log.warn({ err, uploadId: upload.uploadId }, 'the reason of a retry could not be recorded')
    }
  }
}

/** Returns the message of an error and those of its causes, the outermost first. */
function messagesOf(error: unknown): string {
  const messages = new Set<string>()
  // A chain of causes can be circular.
  for (
    let each = error;
    each !== undefined && messages.size < 5;
    each = each instanceof Error ? each.cause : undefined
  ) {
    const text = each instanceof Error ? each.message || each.name : String(each)
    if (messages.has(text)) break
    messages.add(text)
  }
  return [...messages].join(', because of: ')
}

/** Starts the trail of an attempt. Undefined if no worker is known. */
export function startTrail(record: StreamRecord, attempt: number, workerId: string | undefined): Trail | undefined {
  if (workerId === undefined) return undefined
  const { shardId, sequenceNumber, arrivedAt } = record
  return { workerId, shardId, sequenceNumber, attempt, arrivedAt: arrivedAt?.getTime(), startedAt: Date.now() }
}
