import type { S3Client } from '@aws-sdk/client-s3'
import type { Logger } from '../../platform/log.ts'
import { type BareEvent, isUploadEvent, type UploadEvent } from '../../uploads/events/event.ts'
import type { QuarantineStore } from '../../uploads/records/quarantine-store.ts'
import type { ScanReport, UploadRecord } from '../../uploads/records/record.ts'
import type { UploadKey, UploadStore } from '../../uploads/records/store.ts'
import type { Trail } from '../../uploads/records/trail.ts'
import {
  MalwareFoundError,
  ObjectChangedError,
  ObjectReplacedError,
  ScanLimitError,
  ScannerUnavailableError,
} from '../errors.ts'
import type { Notifier } from '../notifications/notifier.ts'
import { checkOwnObject, type SourceAttributes, uploadKeyOf } from '../outputs/provenance.ts'
import type { ScanCounts } from '../scanning/counts.ts'
import type { ContentScanner } from '../scanning/scanner.ts'
import type { StreamRecord } from '../stream-record.ts'
import { requestFields } from './log-fields.ts'
import { createMemoryBudget } from './memory-budget.ts'
import { notificationOfEnd } from './notify.ts'
import { createRunMarked } from './processing-mark.ts'
import { openSource } from './source-object.ts'
import type { WithdrawnUploads } from './withdrawn-uploads.ts'

/** An object that may be transformed. */
export interface Passed {
  scan: ScanReport | undefined
  /** @throws ObjectChangedError, ObjectReplacedError if an opened object is not the one that was scanned */
  check(source: Pick<SourceAttributes, 'etag' | 'versionId'>): void
}

/** What is known about a record while its upload is scanned. */
export interface ScanState {
  upload?: UploadKey | undefined
  trail?: Trail | undefined
  scan?: ScanReport | undefined
}

export interface ScanOptions {
  signal: AbortSignal
  /** Called before each wait for a connection. */
  onWait?: (() => void) | undefined
}

/**
 * Scans an upload's object. Resolves to undefined if the record is done, because the upload is quarantined.
 *
 * @throws MalwareFoundError for an object without a record, ScanLimitError, ScannerUnavailableError, errors of opening the object, and
 *   the signal's reason
 */
export type ScanGate = (
  record: StreamRecord,
  event: UploadEvent | BareEvent,
  state: ScanState,
  options: ScanOptions,
) => Promise<Passed | undefined>

export interface ScanGateSettings {
  scanner: ContentScanner
  s3: S3Client
  store: Pick<UploadStore, 'get'>
  quarantine: Pick<QuarantineStore, 'markScanning' | 'markQuarantined'>
  withdrawn: Pick<WithdrawnUploads, 'removeOutputsOf' | 'isDeleted'>
  notifier?: Pick<Notifier, 'create'> | undefined
  /** Called when an upload of the api was quarantined. */
  onUploadEnded?: ((event: UploadEvent) => void) | undefined
  /** Time after which an upload that is being scanned is marked `scanning`, in milliseconds. */
  markAfterMs: number
  counts: ScanCounts
  log: Pick<Logger, 'info' | 'warn'>
}

/** Creates the gate between the stream and the transforms. Owners take turns for the connections to the scanner. */
export function createScanGate(settings: ScanGateSettings): ScanGate {
  const { scanner, s3, store, quarantine, withdrawn, markAfterMs, counts, log } = settings
  const connections = createMemoryBudget(scanner.maxConnections)
  const runMarked = createRunMarked({ store: { markProcessing: quarantine.markScanning }, afterMs: markAfterMs, log })

  /** Scans the object that is under the key now. */
  async function scanObject(event: UploadEvent | BareEvent, state: ScanState, { signal, onWait }: ScanOptions) {
    const owner = isUploadEvent(event) ? event.userSub : undefined
    const taken = connections.tryTake(1, owner)
    if (!taken) onWait?.()
    const release = taken ?? (await connections.take(1, signal, owner))
    try {
      const source = await openSource(s3, event, signal)
      try {
        checkOwnObject(event, source)
        state.upload ??= uploadKeyOf(event, source)
        if (source.size > scanner.maxBytes) throw new ScanLimitError(tooLarge(source.size, scanner.maxBytes))
        return { source, verdict: await scanner.scan(source.content, signal) }
      } finally {
        source.body.destroy()
      }
    } catch (error) {
      if (error instanceof ScannerUnavailableError || error instanceof ScanLimitError) counts.failed()
      throw error
    } finally {
      release()
    }
  }

  /** Quarantines an upload. Resolves to the report of an operator who has released the upload meanwhile. */
  async function hold(
    record: StreamRecord,
    event: UploadEvent | BareEvent,
    state: ScanState,
    { signature, source }: { signature: string; source: SourceAttributes },
  ): Promise<ScanReport | undefined> {
    const { name: scanner } = settings.scanner
    const error = new MalwareFoundError(`The scan found malware in the file: ${signature}.`)
    const { upload, trail } = state
    if (!upload) throw error
    const at = new Date().toISOString()
    const scan: ScanReport = { scanner, verdict: 'infected', signature, at, ...(source.etag && { etag: source.etag }) }
    const opened = { source: { contentType: source.contentType }, transform: undefined }
    const notify = notificationOfEnd(settings.notifier, 'upload.quarantined', record, { event, upload, opened })
    const failure = { code: error.code, reason: error.message }
    if (!(await quarantine.markQuarantined(upload, { source: event, failure, scan, trail, notify }))) {
      if (await withdrawn.isDeleted({ event, upload })) return undefined
      const known = await store.get(upload)
      if (known && isReleased(known, event)) return known.scan
      // An event that names the object of another upload, or an object without an upload.
      throw error
    }
    counts.quarantined()
    if (isUploadEvent(event)) settings.onUploadEnded?.(event)
    // An earlier attempt, or one by older signatures, may have written outputs.
    await withdrawn.removeOutputsOf(event, upload)
    log.warn(
      { key: event.key, uploadId: upload.uploadId, ...requestFields(event), ...failure, signature, scanner },
      'upload quarantined',
    )
    return undefined
  }

  return async (record, event, state, options) => {
    const known = state.upload && (await store.get(state.upload, options.signal))
    if (known && isReleased(known, event)) return passReleased(known.scan)
    if (known?.status === 'quarantined' && isOf(known, event)) {
      // The worker may have died after it had marked the upload.
      await withdrawn.removeOutputsOf(event, known, options.signal)
      return undefined
    }
    const { source, verdict } = await runMarked(state.upload, event, () => scanObject(event, state, options))
    options.signal.throwIfAborted()
    if (verdict.verdict === 'infected') {
      const released = await hold(record, event, state, { signature: verdict.signature, source })
      return released && passReleased(released)
    }
    const scan: ScanReport = { scanner: scanner.name, verdict: 'clean', at: new Date().toISOString() }
    state.scan = scan
    return { scan, check: opened => checkSame(opened, source) }
  }
}

function tooLarge(size: number, maxBytes: number): string {
  return `The file is too large to be scanned: it has ${size} bytes, and CLAMD_MAX_BYTES is ${maxBytes}.`
}

function isOf({ bucket, key }: Pick<UploadRecord, 'bucket' | 'key'>, event: UploadEvent | BareEvent): boolean {
  return bucket === event.bucket && key === event.key
}

/** Returns true if an operator has released the upload's object. */
function isReleased(
  known: { bucket: string; key: string; scan?: ScanReport },
  event: UploadEvent | BareEvent,
): known is { bucket: string; key: string; scan: ScanReport } {
  return known.scan?.verdict === 'released' && isOf(known, event)
}

function passReleased(scan: ScanReport): Passed {
  return {
    // It is on the record already.
    scan: undefined,
    check({ etag }) {
      if (scan.etag !== undefined && etag !== scan.etag) {
        throw new ObjectReplacedError('The file was replaced after an operator had released it from quarantine.')
      }
    },
  }
}

/** @throws ObjectChangedError */
function checkSame(
  opened: Pick<SourceAttributes, 'etag' | 'versionId'>,
  scanned: Pick<SourceAttributes, 'etag' | 'versionId'>,
): void {
  if (opened.etag === scanned.etag && opened.versionId === scanned.versionId) return
  throw new ObjectChangedError('The object was replaced after it was scanned. It is scanned again.')
}
