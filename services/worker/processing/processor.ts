import type { S3Client } from '@aws-sdk/client-s3'
import type { Logger } from '../../platform/log.ts'
import { traceIdOf } from '../../platform/tracing/traceparent.ts'
import type { Tracing } from '../../platform/tracing/tracing.ts'
import { decodeEvent } from '../../uploads/events/decode-event.ts'
import { type BareEvent, isUploadEvent, type UploadEvent } from '../../uploads/events/event.ts'
import { processedKey } from '../../uploads/objects/keys.ts'
import { createRemoveObject } from '../../uploads/objects/remove-object.ts'
import type { RemoveOutputs } from '../../uploads/objects/remove-outputs.ts'
import type { ResultStore } from '../../uploads/objects/result-store.ts'
import type { Deletions } from '../../uploads/records/deletions.ts'
import { MAIN_OUTPUT, type ObjectRef, type ProcessingResult, type UploadFailure } from '../../uploads/records/record.ts'
import type { UploadKey, UploadStore } from '../../uploads/records/store.ts'
import type { DeadLetters } from '../dead-letters/writer.ts'
import { PoisonRecordError, TooSlowError } from '../errors.ts'
import { checkOwnObject, uploadKeyOf } from '../outputs/provenance.ts'
import { createRemoveStaleOutputs } from '../outputs/stale-outputs.ts'
import type { StreamRecord } from '../stream-record.ts'
import type { TransformRule } from '../transforms/rules/rules.ts'
import { createAttemptCounter } from './attempts/attempt-counter.ts'
import type { AttemptStore } from './attempts/attempt-store.ts'
import { orPoison } from './attempts/or-poison.ts'
import { checkObject } from './check-object.ts'
import { permanentFailure } from './failure.ts'
import { orOverdue } from './failure-policy.ts'
import { createOpenUpload } from './process-upload.ts'
import { createRunMarked } from './processing-mark.ts'

export interface Processor {
  /**
   * Makes the processed object of the upload that a record's event names, and marks the upload `processed`. Doing it again
   * gives the same. What no retry mends is marked `failed` and kept as a dead letter, and resolves too: the record is done.
   * So is that of an upload whose owner has deleted it: nothing is made of it, and nothing stays.
   *
   * @throws for transient trouble and when the signal fires: the record is not done, and nothing is marked
   */
  process(record: StreamRecord, options: ProcessOptions): Promise<void>
}

export interface ProcessOptions {
  signal: AbortSignal
  /** 1, or left out, for the first try of this record by this process. */
  attempt?: number
  /** The record may have been under way in a worker that died, and may be what it died of. */
  isSuspect?: boolean
  /** The record is begun with all the time that a function has. */
  hasWholeTime?: boolean
  /** Called before the record waits for room, as for memory: whoever calls may begin another one meanwhile. */
  onWait?: () => void
}

export interface ProcessorSettings {
  s3: S3Client
  store: Pick<UploadStore, 'get' | 'markProcessing' | 'markProcessed' | 'markFailed'>
  deletions: Pick<Deletions, 'has'>
  /** The one bucket that is read from. */
  uploadBucket: string
  processedBucket: string
  /** In the order in which they are asked. What none has is refused. */
  rules: readonly TransformRule[]
  results: Pick<ResultStore, 'put'>
  removeOutputs: RemoveOutputs
  deadLetters: DeadLetters
  /** Counts what may be what workers die of. */
  attempts: AttemptStore
  /** Bytes that large objects may hold at a time, over all records under way. */
  largeObjectsBytes?: number
  /** How old a record may be that still fails before it is given up, in milliseconds. Left out: it never is for its age. */
  giveUpAfterMs?: number
  /** How many uploads may be on threads at a time. */
  processes?: number
  /** How long an upload is processed before it shows as `processing`, in milliseconds. */
  markProcessingAfterMs?: number
  /** Told of the steps, where somebody asks for it. */
  tracing?: Pick<Tracing, 'inSpan' | 'current'> | undefined
  log: Pick<Logger, 'info' | 'warn'>
}

/** Tiny uploads are done in less, and cost one write of their record here; the others cost two. */
const MARK_PROCESSING_AFTER_MS = 1_000

/** What is known of a record so far. */
interface RecordState {
  event?: UploadEvent | BareEvent
  upload?: UploadKey | undefined
  /** Whether outputs of it may have been written, this time. */
  mayHaveOutputs?: true
}

/** The request that an event comes from, as the api's own lines name it. */
function requestOf(event: UploadEvent | BareEvent | undefined): { requestId?: string; traceId?: string } {
  if (!event || !isUploadEvent(event)) return {}
  const traceId = traceIdOf(event.traceparent)
  return { requestId: event.requestId, ...(traceId !== undefined && { traceId }) }
}

export function createProcessor(settings: ProcessorSettings): Processor {
  const { s3, store, uploadBucket, processedBucket, removeOutputs, deadLetters, log } = settings
  const {
    deletions,
    giveUpAfterMs = Number.POSITIVE_INFINITY,
    markProcessingAfterMs: afterMs = MARK_PROCESSING_AFTER_MS,
  } = settings
  const openUpload = createOpenUpload(settings)
  const runMarked = createRunMarked({ store, afterMs, log })
  const counting = createAttemptCounter({ attempts: settings.attempts, log })
  const removeObject = createRemoveObject(s3)
  const removeStale = createRemoveStaleOutputs({ store, removeObject, removeOutputs, processedBucket })

  /** Removes whatever was made of the upload's object, this time or before a crash. */
  async function removeOutputsOf(event: ObjectRef, { uploadId }: UploadKey, signal?: AbortSignal): Promise<void> {
    await removeObject({ bucket: processedBucket, key: processedKey(event.key) }, uploadId)
    await removeOutputs(event, uploadId, [processedBucket], undefined, signal)
  }

  /**
   * Whether the owner has deleted the upload. What was made of it is removed then: whoever wrote it, this time or before a crash,
   * comes by here, since the record is not done before.
   */
  async function isDeleted({ event, upload }: RecordState): Promise<boolean> {
    if (!event || !upload || !(await deletions.has(upload, event))) return false
    await removeOutputsOf(event, upload)
    log.info({ key: event.key, uploadId: upload.uploadId }, 'deleted by its owner: nothing is made of it')
    return true
  }

  function mainObjectOf({ outputs }: ProcessingResult, { key }: ObjectRef): ObjectRef | undefined {
    const isItem = outputs.some(({ name, isItem }) => name === MAIN_OUTPUT && isItem)
    return isItem ? undefined : { bucket: processedBucket, key: processedKey(key) }
  }

  async function deadLetter(
    record: StreamRecord,
    failure: UploadFailure,
    { signal, ...state }: RecordState & { error: unknown; signal: AbortSignal },
  ): Promise<void> {
    if (await isDeleted(state)) return
    const { event, upload, error } = state
    // First, so that an upload never shows as failed without the means to redrive it.
    const deadLetter = await deadLetters.write(record, failure, { upload, error })
    const isMarked = event && upload ? await store.markFailed(upload, event, failure) : false
    // Deleted since the look above: its owner wants nothing kept.
    if (!isMarked && (await isDeleted(state))) return await deadLetters.remove(deadLetter)
    // The outputs before the one that was refused. Where it is not marked they may be those of an upload that is processed.
    if (event && upload && isMarked && state.mayHaveOutputs) {
      // Called off by now: another worker has the record, and may have made them anew.
      signal.throwIfAborted()
      await removeOutputsOf(event, upload, signal)
    }
    settings.tracing?.current()?.fail(failure.code)
    const { shardId, sequenceNumber } = record
    log.warn(
      { shardId, sequenceNumber, uploadId: upload?.uploadId, ...requestOf(event), ...failure, deadLetter },
      'record given up',
    )
  }

  /**
   * Called off half way: another worker has the shard by now, and may be done with the record and its owner have deleted the upload
   * before the last that this one wrote has arrived. Nobody else would come by it again.
   */
  async function cleanUp(state: RecordState): Promise<void> {
    await isDeleted(state).catch((err: unknown) => {
      log.warn({ err, uploadId: state.upload?.uploadId }, 'what was made of an upload may stay, should it be deleted')
    })
  }

  /** @param state what becomes known on the way */
  async function processAndMark(
    event: UploadEvent | BareEvent,
    state: RecordState,
    { signal, onWait }: Pick<ProcessOptions, 'signal' | 'onWait'>,
  ): Promise<void> {
    const { source, writeOutputs, close } = await openUpload(event, { signal, onWait })
    try {
      checkOwnObject(event, source)
      const upload = state.upload ?? uploadKeyOf(event, source)
      state.upload = upload
      state.mayHaveOutputs = true
      const result = await runMarked(upload, event, writeOutputs)
      // Whoever is called off is not the last to have made them: the record must not tell of them.
      signal.throwIfAborted()
      const marking = upload ? await store.markProcessed(upload, event, mainObjectOf(result, event), result) : 'refused'
      const recorded = marking !== 'refused'
      if (!recorded && (await isDeleted(state))) return
      if (upload && marking === 'again') await removeStale(upload, event, result, signal)
      log.info(
        {
          key: event.key,
          uploadId: upload?.uploadId,
          ...requestOf(event),
          recorded,
          transform: result.transform.name,
          outputs: result.outputs.length,
          bytes: source.size,
        },
        'processed',
      )
    } finally {
      close()
    }
  }

  return {
    async process(record, { signal, attempt = 1, isSuspect = false, hasWholeTime = false, onWait }) {
      signal.throwIfAborted()
      const state: RecordState = {}
      try {
        const event = decodeEvent(record.data)
        state.event = event
        state.upload = uploadKeyOf(event)
        checkObject(event, uploadBucket)
        const suspicion = { signal, isSuspect, hasWholeTime }
        await counting.runCounted(record, suspicion, () =>
          processAndMark(event, state, { signal, ...(onWait && { onWait }) }),
        )
      } catch (thrown) {
        const judged = orPoison(thrown, attempt)
        // What no retry mends says more than that it was retried.
        const error = permanentFailure(judged)
          ? judged
          : orOverdue(judged, record, attempt, { giveUpAfterMs, now: Date.now })
        // Cut short, anything may look like anything: only what happened with nobody calling it off is believed.
        const failure = signal.aborted ? undefined : permanentFailure(error)
        if (signal.aborted && state.mayHaveOutputs) await cleanUp(state)
        if (!failure) throw thrown
        // Those who began it before may have come to its outputs.
        const isUnfinished = error instanceof PoisonRecordError || error instanceof TooSlowError
        if (isUnfinished) state.mayHaveOutputs = true
        await deadLetter(record, failure, { ...state, error, signal })
        if (isUnfinished) await counting.forget(record)
      }
    },
  }
}
