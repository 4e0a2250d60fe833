import { HeadObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { type BareEvent, isUploadEvent, type UploadEvent } from '../../uploads/events/event.ts'
import type { UploadKey } from '../../uploads/records/store.ts'
import { ScanLimitError, ScannerUnavailableError } from '../errors.ts'
import { checkOwnObject, type SourceAttributes, uploadKeyOf } from '../outputs/provenance.ts'
import type { ScanCounts } from '../scanning/counts.ts'
import type { ContentScanner, TaggedVerdict, TaggingScanner } from '../scanning/scanner.ts'
import { createMemoryBudget } from './memory-budget.ts'
import { openSource, readError } from './source-object.ts'

/** What identifies the object that was scanned. */
export type ScannedObject = Pick<SourceAttributes, 'etag' | 'versionId' | 'contentType'>

export interface ScanOptions {
  signal: AbortSignal
  /** Called before each wait for a connection. */
  onWait?: (() => void) | undefined
}

/**
 * Gets the verdict of the object that is under the key of an event now. Sets the upload of a bare event, which its object names.
 *
 * @throws ScanLimitError, ScannerUnavailableError, errors of opening the object, and the signal's reason
 */
export type ScanObject = (
  event: UploadEvent | BareEvent,
  state: { upload?: UploadKey | undefined },
  options: ScanOptions,
) => Promise<{ source: ScannedObject; verdict: TaggedVerdict }>

export interface ScanObjectSettings {
  s3: S3Client
  counts: Pick<ScanCounts, 'failed'>
}

/** Sends objects to a scanner. Owners take turns for the connections to the scanner. */
export function createContentScan({ s3, counts }: ScanObjectSettings, scanner: ContentScanner): ScanObject {
  const connections = createMemoryBudget(scanner.maxConnections)

  return async (event, state, { signal, onWait }) => {
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
}

/**
 * Reads the verdict from the tags of objects. The caller compares the object that it then opens with this one: if it is the same before and
 * after the tags were read, they are the tags of this object.
 */
export function createTagScan({ s3 }: ScanObjectSettings, scanner: TaggingScanner): ScanObject {
  return async (event, state, { signal }) => {
    const { bucket, key } = event
    const found = await s3
      .send(new HeadObjectCommand({ Bucket: bucket, Key: key }), { abortSignal: signal })
      .catch((error: unknown) => Promise.reject(readError(error, key)))
    const source = {
      contentType: found.ContentType ?? 'application/octet-stream',
      etag: found.ETag?.replaceAll('"', ''),
      versionId: found.VersionId === 'null' ? undefined : found.VersionId,
      metadata: found.Metadata ?? {},
    }
    checkOwnObject(event, source)
    state.upload ??= uploadKeyOf(event, source)
    return { source, verdict: await scanner.read(event, signal) }
  }
}

function tooLarge(size: number, maxBytes: number): string {
  return `The file is too large to be scanned: it has ${size} bytes, and CLAMD_MAX_BYTES is ${maxBytes}.`
}
