import { randomUUID } from 'node:crypto'
import type { S3Client } from '@aws-sdk/client-s3'
import type { Logger } from '../../platform/log.ts'
import { type BareEvent, isUploadEvent, type UploadEvent } from '../../uploads/events/event.ts'
import type { ParkedScanStore } from '../../uploads/records/parked-scan-store.ts'
import type { QuarantineStore } from '../../uploads/records/quarantine-store.ts'
import type { ScanReport, UploadRecord } from '../../uploads/records/record.ts'
import type { UploadKey, UploadStore } from '../../uploads/records/store.ts'
import type { Trail } from '../../uploads/records/trail.ts'
import { MalwareFoundError, NotScannedError, ObjectChangedError, ObjectReplacedError } from '../errors.ts'
import type { Notifier } from '../notifications/notifier.ts'
import type { SourceAttributes } from '../outputs/provenance.ts'
import type { ScanCounts } from '../scanning/counts.ts'
import type { Scanner } from '../scanning/scanner.ts'
import type { StreamRecord } from '../stream-record.ts'
import { requestFields } from './log-fields.ts'
import { notificationOfEnd } from './notify.ts'
import { createRunMarked } from './processing-mark.ts'
import { createContentScan, createTagScan, type ScannedObject, type ScanOptions } from './scan-object.ts'
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

/**
 * Scans an upload's object. Resolves to undefined if the record is done, because the upload is quarantined or waits for its
 * verdict.
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
  scanner: Scanner
  s3: S3Client
  /** Where records wait for the verdict of a scanner that tags objects. */
  parked: Pick<ParkedScanStore, 'park' | 'remove'>
  /** Maximum time that a record waits for a verdict, in milliseconds. @default Infinity */
  giveUpAfterMs?: number | undefined
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

/** When a relay first looks for the verdict of a parked record, in milliseconds. */
const FIRST_LOOK_MS = 3_000

/** Creates the gate between the stream and the transforms. */
export function createScanGate(settings: ScanGateSettings): ScanGate {
  const { scanner, store, quarantine, withdrawn, markAfterMs, counts, log } = settings
  const scanObject = scanner.name === 'clamd' ? createContentScan(settings, scanner) : createTagScan(settings, scanner)
  const runMarked = createRunMarked({ store: { markProcessing: quarantine.markScanning }, afterMs: markAfterMs, log })

  /** Quarantines an upload. Resolves to the report of an operator who has released the upload meanwhile. */
  async function hold(
    record: StreamRecord,
    event: UploadEvent | BareEvent,
    state: ScanState,
    { signature, source }: { signature: string; source: ScannedObject },
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

  /** Parks a record until the verdict of its object is there. @throws NotScannedError if it has waited for too long */
  async function park(record: StreamRecord, event: UploadEvent | BareEvent, reason: string): Promise<void> {
    const { parked, giveUpAfterMs = Number.POSITIVE_INFINITY } = settings
    const now = Date.now()
    const { since, isGivenUp } = await parked.park(
      {
        object: { bucket: event.bucket, key: event.key },
        event: Buffer.from(record.data).toString(),
        partitionKey: record.partitionKey || randomUUID(),
        since: record.arrivedAt?.getTime() ?? now,
      },
      now + FIRST_LOOK_MS,
    )
    // A relay with a faster clock may have given it up.
    if (now - since < giveUpAfterMs && !isGivenUp) return
    counts.failed()
    // A redrive of the dead letter waits again.
    await parked.remove(event)
    const hours = Math.floor(giveUpAfterMs / 3_600_000)
    throw new NotScannedError(`GuardDuty did not scan the file within ${hours} hours. ${reason}`)
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
    if (verdict.verdict === 'none') {
      await park(record, event, verdict.reason)
      if (state.upload) await quarantine.markScanning(state.upload, event, options.signal)
      return undefined
    }
    if (verdict.verdict === 'infected') {
      const released = await hold(record, event, state, { signature: verdict.signature, source })
      return released && passReleased(released)
    }
    const scan: ScanReport = { scanner: scanner.name, verdict: 'clean', at: new Date().toISOString() }
    state.scan = scan
    return { scan, check: opened => checkSame(opened, source) }
  }
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
