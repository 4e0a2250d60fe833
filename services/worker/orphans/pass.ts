import type { Logger } from '../../platform/log.ts'
import { processedKey } from '../../uploads/objects/keys.ts'
import { type OrphanStore, orphanKey, type UploadState } from '../../uploads/objects/orphan-store.ts'
import type { UploadKey } from '../../uploads/records/store.ts'
import { judgeMultipart, judgeObject, judgeTail, type Verdict } from './judge.ts'
import type { UploadObject, UploadsPage } from './list-upload-objects.ts'
import type { OpenMultipart, Tail, UploadBucket } from './upload-bucket.ts'

/** What a pass, or a part of one, has done. */
export interface SweepResult {
  /** Uploads that were handed to the outbox relay. */
  requeued: number
  /** Objects, tails of parts and open multipart uploads that were removed. */
  removed: number
}

export interface PassDeps {
  bucket: UploadBucket
  orphans: OrphanStore
  uploadBucket: string
  processedBucket: string
  log: Pick<Logger, 'info' | 'error'>
}

/** The steps of a pass. */
export interface Pass {
  /** Sweeps objects that were written after `from` and not after `to`, in epoch ms. */
  objects(page: UploadsPage, window: { from: number; to: number }, signal: AbortSignal): Promise<SweepResult>
  /** Sweeps multipart uploads and tails that were started by then, in epoch ms. There are few, so each pass looks at all of them. */
  unfinished(to: number, signal: AbortSignal): Promise<SweepResult>
}

type Outcome = 'requeued' | 'removed' | 'left'

/** Requests to S3 and DynamoDB at a time. Nothing waits for the sweep. */
const CONCURRENCY = 8

export function createPass(deps: PassDeps): Pass {
  const { bucket, orphans } = deps

  /** Reads the state of each upload and acts on each, a few at a time. */
  async function each<T extends UploadKey>(
    found: readonly T[],
    act: (item: T, state: UploadState | undefined) => Promise<Outcome>,
    signal: AbortSignal,
  ): Promise<SweepResult> {
    const states = await orphans.lookUp(found, signal)
    const outcomes: Outcome[] = []
    for (let at = 0; at < found.length && !signal.aborted; at += CONCURRENCY) {
      const some = found.slice(at, at + CONCURRENCY)
      outcomes.push(...(await Promise.all(some.map(item => act(item, states.get(orphanKey(item)))))))
    }
    const count = (wanted: Outcome) => outcomes.filter(outcome => outcome === wanted).length
    return { requeued: count('requeued'), removed: count('removed') }
  }

  async function abortMultipart(multipart: OpenMultipart, state: UploadState | undefined): Promise<Outcome> {
    if (judgeMultipart(multipart.multipartId, state) === 'leave') return 'left'
    await bucket.abort(multipart)
    return 'removed'
  }

  async function removeTail({ key }: Tail, state: UploadState | undefined): Promise<Outcome> {
    if (judgeTail(key, state) === 'leave') return 'left'
    await bucket.remove(key)
    return 'removed'
  }

  return {
    objects({ objects }, { from, to }, signal) {
      const old = objects.filter(({ modified }) => modified > from && modified <= to)
      const before = new Date(to).toISOString()
      return each(old, (object, state) => endOrphan(deps, object, judgeObject(object.key, state, before)), signal)
    },

    async unfinished(to, signal) {
      let removed = 0
      for await (const page of bucket.multiparts(signal)) {
        removed += (await each(page.filter(isOlderThan(to)), abortMultipart, signal)).removed
      }
      for await (const page of bucket.tails(signal)) {
        removed += (await each(page.filter(isOlderThan(to)), removeTail, signal)).removed
      }
      return { requeued: 0, removed }
    },
  }
}

function isOlderThan(epochMs: number) {
  return ({ modified }: { modified: number }) => modified <= epochMs
}

/**
 * Carries out the verdict on an object. The order is safe against an api that still works on this upload: the id is given up before the
 * object is removed, and an api that records the upload later is refused. If the api records it first, the id can't be given up and
 * the object stays.
 */
async function endOrphan(deps: PassDeps, object: UploadObject, verdict: Verdict): Promise<Outcome> {
  const { orphans, uploadBucket: bucket } = deps
  if (verdict === 'requeue') return (await orphans.requeue(object)) ? 'requeued' : 'left'
  if (verdict === 'leave' || !(await isOwn(deps, object))) return 'left'
  if (verdict === 'remove') return removeObject(deps, object, 'removed an object that no longer belongs to its upload')
  if (await wasProcessed(deps, object)) return 'left'
  const isGivenUp = await orphans.giveUp(object, { bucket, key: object.key })
  return isGivenUp ? removeObject(deps, object, 'removed an object whose upload was never recorded') : 'left'
}

/** An object whose metadata names another upload, or none, was not written by the api for this upload. */
async function isOwn({ bucket, uploadBucket }: PassDeps, { key, owner, uploadId }: UploadObject): Promise<boolean> {
  const metadata = await bucket.readMetadata({ bucket: uploadBucket, key })
  return metadata?.owner === owner && metadata.uploadId === uploadId
}

/** An upload that was processed had a record. If the record is missing, the table is the wrong one or has lost it. */
async function wasProcessed(deps: PassDeps, { key, uploadId }: UploadObject): Promise<boolean> {
  const { bucket, processedBucket, log } = deps
  if ((await bucket.readMetadata({ bucket: processedBucket, key: processedKey(key) })) === undefined) return false
  log.error(
    { key, uploadId },
    'an upload that was processed has no record: does UPLOADS_TABLE belong to UPLOAD_BUCKET?',
  )
  return true
}

async function removeObject({ bucket, log }: PassDeps, object: UploadObject, message: string): Promise<Outcome> {
  await bucket.remove(object.key)
  log.info({ key: object.key, uploadId: object.uploadId }, message)
  return 'removed'
}
