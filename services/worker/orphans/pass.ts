import { type OrphanStore, orphanKey, type UploadState } from '../../uploads/objects/orphan-store.ts'
import type { UploadKey } from '../../uploads/records/store.ts'
import type { Ending, EndOrphan } from './end-orphan.ts'
import { judgeMultipart, judgeObject, judgeTail } from './judge.ts'
import type { UploadsPage } from './list-upload-objects.ts'
import type { OpenMultipart, Tail, UploadBucket } from './upload-bucket.ts'

/** What a pass, or a part of one, has done. */
export interface SweepResult {
  /** Uploads that were handed to the outbox relay. */
  requeued: number
  /** Objects, beginnings of parts and open multipart uploads. */
  removed: number
}

export interface PassSettings {
  bucket: Pick<UploadBucket, 'remove' | 'multiparts' | 'abort' | 'tails'>
  orphans: Pick<OrphanStore, 'lookUp'>
  endOrphan: EndOrphan
}

/** Requests to S3 and DynamoDB at a time. Nobody waits for the sweep. */
const AT_ONCE = 8

/** The steps of a pass: what lies there, what the table says of it, what is to be done, and the doing. */
export function createPass({ bucket, orphans: strays, endOrphan: endStray }: PassSettings) {
  /** Looks what the table has of each, and does to each what is to be done, a few at a time. */
  async function each<T extends UploadKey>(
    found: readonly T[],
    act: (one: T, standing: UploadState | undefined) => Promise<Ending>,
    signal: AbortSignal,
  ): Promise<SweepResult> {
    const standings = await strays.lookUp(found, signal)
    const endings: Ending[] = []
    for (let at = 0; at < found.length && !signal.aborted; at += AT_ONCE) {
      const some = found.slice(at, at + AT_ONCE)
      endings.push(...(await Promise.all(some.map(one => act(one, standings.get(orphanKey(one)))))))
    }
    const count = (wanted: Ending) => endings.filter(ending => ending === wanted).length
    return { requeued: count('requeued'), removed: count('removed') }
  }

  async function abort(multipart: OpenMultipart, standing: UploadState | undefined): Promise<Ending> {
    if (judgeMultipart(multipart.multipartId, standing) === 'leave') return 'left'
    await bucket.abort(multipart)
    return 'removed'
  }

  async function removeTail({ key }: Tail, standing: UploadState | undefined): Promise<Ending> {
    if (judgeTail(key, standing) === 'leave') return 'left'
    await bucket.remove(key)
    return 'removed'
  }

  return {
    /** Objects that were written after `from` and not after `to`, in epoch ms. */
    objects(
      { objects }: UploadsPage,
      { from, to }: { from: number; to: number },
      signal: AbortSignal,
    ): Promise<SweepResult> {
      const old = objects.filter(({ modified }) => modified > from && modified <= to)
      const before = new Date(to).toISOString()
      return each(old, (object, standing) => endStray(object, judgeObject(object.key, standing, before)), signal)
    },

    /** What is no object yet and was begun by then, in epoch ms. There is little, so that all of it is looked at each time. */
    async unfinished(to: number, signal: AbortSignal): Promise<SweepResult> {
      let removed = 0
      for await (const page of bucket.multiparts(signal)) {
        removed += (await each(page.filter(isOlderThan(to)), abort, signal)).removed
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

export type Pass = ReturnType<typeof createPass>
