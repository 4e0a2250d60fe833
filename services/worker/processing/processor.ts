import type { S3Client } from '@aws-sdk/client-s3'
import type { Logger } from '../../platform/log.ts'
import type { Tracing } from '../../platform/tracing/tracing.ts'
import { decodeEvent } from '../../uploads/events/decode-event.ts'
import { type BareEvent, isUploadEvent, type UploadEvent } from '../../uploads/events/event.ts'
import { processedKey } from '../../uploads/objects/keys.ts'
import { createRemoveObject } from '../../uploads/objects/remove-object.ts'
import type { RemoveOutputs } from '../../uploads/objects/remove-outputs.ts'
import type { ResultStore } from '../../uploads/objects/result-store.ts'
import type { Deletions } from '../../uploads/records/deletions.ts'
import { MAIN_OUTPUT } from '../../uploads/records/output-names.ts'
import type { ObjectRef, ProcessingResult, ScanReport, UploadFailure } from '../../uploads/records/record.ts'
import type { UploadKey, UploadStore } from '../../uploads/records/store.ts'
import type { Trail } from '../../uploads/records/trail.ts'
import { PoisonRecordError, TooSlowError } from '../errors.ts'
import type { Notifier } from '../notifications/notifier.ts'
import { checkOwnObject, uploadKeyOf } from '../outputs/provenance.ts'
import { removeStaleOutputs } from '../outputs/stale-outputs.ts'
import type { StreamRecord } from '../stream-record.ts'
import type { TransformRule } from '../transforms/rules/rules.ts'
import { createAttemptCounter } from './attempts/attempt-counter.ts'
import type { AttemptStore } from './attempts/attempt-store.ts'
import { type PermanentFailure, permanentFailure } from './failure-policy.ts'
import { requestFields } from './log-fields.ts'
import { notificationOfEnd } from './notify.ts'
import { createOpenUpload, type OpenedUpload } from './process-upload.ts'
import { createRecordRetry, createRunMarked, startTrail } from './processing-mark.ts'
import { createScanGate, type ScanGateSettings } from './scan-gate.ts'
import { checkObject, findUploadOf } from './source-object.ts'
import { createWithdrawnUploads } from './withdrawn-uploads.ts'

export interface Processor {
  /**
   * Writes the outputs of the upload that a record's event names, and marks the upload `processed`. To process a record again gives
   * the same result. A permanent failure resolves too, because the record is done: the upload is marked `failed` and the record is
   * stored as a dead letter. If the owner has deleted the upload, the record is done and no output stays.
   *
   * @throws retryable errors, and the signal's reason: the record is not done, and nothing is marked
   */
  process(record: StreamRecord, options: ProcessOptions): Promise<void>
}

export interface ProcessOptions {
  signal: AbortSignal
  /**
   * Which attempt of this record by this process it is.
   *
   * @default 1
   */
  attempt?: number
  /** The worker, or on Lambda the log stream of the instance. Recorded with the upload. @default not recorded */
  workerId?: string | undefined
  /** True if the record may have been in flight in a worker that died, and so may have killed it. */
  isSuspect?: boolean
  /** True if the attempt starts with nearly all the time that a Lambda function has. */
  hasWholeTime?: boolean
  /** Called before the record waits, for memory for example. The caller may start another record meanwhile. */
  onWait?: (() => void) | undefined
}

/** Where records are stored that can't be processed. */
export interface DeadLetters {
  /**
   * Stores a record as a dead letter. Resolves to its key once the dead letter is durable. A second call overwrites the first.
   *
   * @param details the upload that the record is of, and the error, where they are known
   * @throws errors of S3: the record must not count as done then
   */
  write(
    record: StreamRecord,
    failure: UploadFailure,
    details?: { upload?: UploadKey | undefined; error?: unknown },
  ): Promise<string>
  /** Deletes a dead letter by the key that `write` returned. To delete it again is no error. */
  remove(key: string): Promise<void>
}

export interface ProcessorSettings {
  s3: S3Client
  store: Pick<UploadStore, 'get' | 'markProcessing' | 'markProcessed' | 'markFailed'>
  deletions: Pick<Deletions, 'has'>
  /** The only bucket that is read. */
  uploadBucket: string
  processedBucket: string
  /** The first rule that matches an upload applies. An upload that no rule matches is refused. */
  rules: readonly TransformRule[]
  results: Pick<ResultStore, 'put'>
  removeOutputs: RemoveOutputs
  deadLetters: DeadLetters
  /** Counts attempts of records that may have killed a worker. */
  attempts: AttemptStore
  /** Maximum number of bytes that large objects hold at a time, over all records in flight. */
  largeObjectsBytes?: number
  /**
   * Maximum age of a record that keeps failing with retryable errors, in milliseconds. Older ones are dead-lettered.
   *
   * @default Infinity
   */
  giveUpAfterMs?: number
  /** Maximum number of uploads in transform processes at a time. */
  processes?: number
  /**
   * Time after which an upload that is being processed is marked `processing`, in milliseconds.
   *
   * @default 1,000
   */
  markProcessingAfterMs?: number
  /** Called when an upload of the api was recorded as processed or failed. */
  onUploadEnded?: ((event: UploadEvent) => void) | undefined
  /** Undefined: no notification is owed to anybody. */
  notifier?: Pick<Notifier, 'create'> | undefined
  /** Scans each object before it is opened. Undefined: none is scanned. */
  scanning?: Pick<ScanGateSettings, 'scanner' | 'quarantine' | 'parked' | 'counts'> | undefined
  tracing?: Pick<Tracing, 'inSpan' | 'current'> | undefined
  log: Pick<Logger, 'info' | 'warn'>
}

/** Most uploads take less time and so save a write. */
const MARK_PROCESSING_AFTER_MS = 1_000

/** What is known about a record so far. */
interface RecordState {
  event?: UploadEvent | BareEvent
  upload?: UploadKey | undefined
  opened?: Pick<OpenedUpload, 'source' | 'transform' | 'sha256'>
  /** True if this attempt may have written outputs. */
  mayHaveOutputs?: boolean
  /** Recorded with the upload. Undefined if no worker is known. */
  trail?: Trail | undefined
  /** Set once the object was scanned. */
  scan?: ScanReport | undefined
}

export function createProcessor(settings: ProcessorSettings): Processor {
  const { s3, store, uploadBucket, processedBucket, removeOutputs, deadLetters, log } = settings
  const { giveUpAfterMs = Number.POSITIVE_INFINITY, markProcessingAfterMs = MARK_PROCESSING_AFTER_MS } = settings
  const openUpload = createOpenUpload({ ...settings, readRecord: store.get })
  const runMarked = createRunMarked({ store, afterMs: markProcessingAfterMs, log })
  const recordRetry = createRecordRetry({ store, log })
  const attemptCounter = createAttemptCounter({ attempts: settings.attempts, log })
  const removeObject = createRemoveObject(s3)
  const withdrawn = createWithdrawnUploads({ ...settings, removeObject })
  const { removeOutputsOf, isDeleted, isWithdrawn } = withdrawn
  const { scanning } = settings
  const scan = scanning && createScanGate({ ...settings, ...scanning, withdrawn, markAfterMs: markProcessingAfterMs })

  function mainObjectOf({ outputs }: ProcessingResult, { key }: ObjectRef): ObjectRef | undefined {
    const isItem = outputs.some(output => output.name === MAIN_OUTPUT && output.isItem)
    return isItem ? undefined : { bucket: processedBucket, key: processedKey(key) }
  }

  function reportEnd(event: UploadEvent | BareEvent): void {
    if (isUploadEvent(event)) settings.onUploadEnded?.(event)
  }

  /** Marks the upload `failed` and stores the record as a dead letter. */
  async function fail(
    record: StreamRecord,
    { error, failure }: PermanentFailure,
    state: RecordState,
    signal: AbortSignal,
  ): Promise<void> {
    if (await isDeleted(state)) return
    const { event, upload } = state
    // The dead letter comes first: an upload that shows as failed can always be redriven.
    const deadLetter = await deadLetters.write(record, failure, { upload, error })
    const notify = notificationOfEnd(settings.notifier, 'upload.failed', record, state)
    const isMarked =
      event && upload
        ? await store.markFailed(upload, event, failure, state.trail, notify, {
            scan: state.scan,
            sha256: state.opened?.sha256,
          })
        : false
    // The owner may have deleted the upload since the check above. In that case no output may be kept.
    if (!isMarked && (await isWithdrawn(state))) return await deadLetters.remove(deadLetter)
    // If the upload was not marked, the outputs may belong to an upload that was processed.
    if (event && isMarked) reportEnd(event)
    if (event && upload && isMarked && state.mayHaveOutputs) {
      // After an abort another worker has the record and may have written the outputs again.
      signal.throwIfAborted()
      await removeOutputsOf(event, upload, signal)
    }
    settings.tracing?.current()?.fail(failure.code)
    const { shardId, sequenceNumber } = record
    log.warn(
      {
        ...{ shardId, sequenceNumber, key: event?.key, uploadId: upload?.uploadId },
        ...{ ...requestFields(event), ...failure, deadLetter },
      },
      'record dead-lettered',
    )
  }

  /**
   * Removes the outputs of an aborted attempt if the upload was deleted. Another worker has the shard by now. It may have finished the
   * record, and the owner may have deleted the upload, before the last write of this attempt arrived. No other attempt would find it.
   */
  async function cleanUpAborted(state: RecordState): Promise<void> {
    await isDeleted(state).catch((err: unknown) => {
      log.warn(
        { err, uploadId: state.upload?.uploadId },
        'outputs of an aborted attempt were not checked: if the upload is deleted, they remain',
      )
    })
  }

  /** @param state receives what becomes known */
  async function processAndMark(
    record: StreamRecord,
    event: UploadEvent | BareEvent,
    state: RecordState,
    { signal, onWait }: Pick<ProcessOptions, 'signal' | 'onWait'>,
  ): Promise<void> {
    const passed = await scan?.(record, event, state, { signal, onWait })
    if (scan && !passed) return
    const opened = await openUpload(event, { signal, onWait })
    const { source, writeOutputs, close } = opened
    state.opened = opened
    try {
      checkOwnObject(event, source)
      passed?.check(source)
      const upload = state.upload ?? uploadKeyOf(event, source)
      state.upload = upload
      state.mayHaveOutputs = true
      const { trail } = state
      if (trail) trail.openedAt = Date.now()
      const result = { ...(await runMarked(upload, event, writeOutputs)), scan: passed?.scan }
      if (trail) trail.writtenAt = Date.now()
      // After an abort another attempt may have written other outputs since: they are the ones to record.
      signal.throwIfAborted()
      const notify = notificationOfEnd(settings.notifier, 'upload.processed', record, state)
      const marked = upload
        ? await store.markProcessed(upload, event, mainObjectOf(result, event), result, trail, notify)
        : 'refused'
      const recorded = marked !== 'refused'
      if (!recorded && (await isWithdrawn(state))) return
      if (upload && marked === 'again') {
        await removeStaleOutputs({ store, removeObject, removeOutputs, processedBucket }, upload, event, result, signal)
      }
      if (recorded) reportEnd(event)
      log.info(
        {
          key: event.key,
          uploadId: upload?.uploadId,
          ...requestFields(event),
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
    async process(record, { signal, attempt = 1, workerId, isSuspect = false, hasWholeTime = false, onWait }) {
      signal.throwIfAborted()
      const state: RecordState = { trail: startTrail(record, attempt, workerId) }
      try {
        const event = decodeEvent(record.data)
        state.event = event
        state.upload = uploadKeyOf(event)
        checkObject(event, uploadBucket)
        await attemptCounter.runCounted(record, { signal, isSuspect, hasWholeTime }, () =>
          processAndMark(record, event, state, { signal, onWait }),
        )
      } catch (thrown) {
        // After an abort the error can't be trusted, so it is not classified.
        if (signal.aborted) {
          if (state.mayHaveOutputs) await cleanUpAborted(state)
          throw thrown
        }
        const { arrivedAt } = record
        const permanent = permanentFailure(thrown, { attempt, arrivedAt, giveUpAfterMs, now: Date.now() })
        if (!permanent) {
          const { event: source, upload, trail } = state
          if (source && upload && trail) await recordRetry({ upload, source, trail, error: thrown }, signal)
          throw thrown
        }
        const isUnfinished = permanent.error instanceof PoisonRecordError || permanent.error instanceof TooSlowError
        // Earlier attempts did not finish, and may have written outputs.
        if (isUnfinished) {
          state.mayHaveOutputs = true
          // The event named only an object, which was not opened again. Its upload must not stay `queued`.
          if (state.event) state.upload ??= await findUploadOf(s3, state.event, signal)
        }
        await fail(record, permanent, state, signal)
        if (isUnfinished) await attemptCounter.forget(record)
      }
    },
  }
}
