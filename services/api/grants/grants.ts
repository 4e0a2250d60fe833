import { ClientGoneError, settle } from '../../platform/deadline.ts'
import type { Logger } from '../../platform/log.ts'
import type { PartsArrival, PendingRecord } from '../../uploads/pending/pending.ts'
import type { PendingStore } from '../../uploads/pending/pending-store.ts'
import type { UploadRecord } from '../../uploads/records/record.ts'
import { isPending } from '../../uploads/records/record.ts'
import type { UploadKey } from '../../uploads/records/store.ts'
import type { Finish } from '../pending/finish.ts'
import type { Announced, Promised } from '../pending/reservation.ts'
import type { Multipart } from './multipart.ts'
import { type PlannedPart, plannedParts } from './plan.ts'
import type { PresignedRequest, Presigner } from './presign.ts'

type Log = Pick<Logger, 'warn' | 'error'>

/** The requests to S3 by which a promise is kept: one, or one for each part that S3 does not have yet. */
export interface Grant {
  upload: PendingRecord
  /** ISO 8601, UTC. */
  urlsExpireAt: string
  put?: PresignedRequest
  parts?: Array<PlannedPart & PresignedRequest>
}

export interface Grants {
  /** @throws InvalidFilenameError, InvalidContentTypeError, PayloadTooLargeError before anything is written */
  create(announced: Announced, log: Log): Promise<Grant>
  /** New URLs for what is missing, or undefined where this owner has no upload that waits for any. */
  renew(key: UploadKey): Promise<Grant | undefined>
  /**
   * The upload, once what was granted has arrived. Any number of times, with the same end. Undefined where this owner has no
   * such upload.
   *
   * @throws NotArrivedError, ArrivalRefusedError
   */
  complete(key: UploadKey, log: Log): Promise<UploadRecord | undefined>
}

export interface GrantsSettings {
  pending: Pick<PendingStore, 'create' | 'get'>
  promise: (announced: Announced) => Promised
  multipart: Multipart
  presigner: Presigner
  finish: Finish
  /** A larger file comes in parts, in bytes. */
  partsAboveBytes: number
  urlSeconds: number
  now?: () => Date
}

export function createGrants(settings: GrantsSettings): Grants {
  const { pending, promise, multipart, presigner, finish, partsAboveBytes, urlSeconds } = settings
  const { now = () => new Date() } = settings
  /** Reading an object may outlast the patience of a client: its next try waits for the same reading. */
  const completing = new Map<string, Promise<UploadRecord | undefined>>()

  async function sign(upload: PendingRecord, parts: readonly PlannedPart[]): Promise<Grant> {
    const at = now().getTime()
    // No URL outlives the promise: what it brought later nobody would clean up.
    const left = Math.floor((Date.parse(upload.expiresAt) - at) / 1_000)
    const seconds = Math.max(1, Math.min(urlSeconds, left))
    const urlsExpireAt = new Date(at + seconds * 1_000).toISOString()
    if (!isParts(upload)) return { upload, urlsExpireAt, put: await presigner.put(upload, seconds) }
    const signed = parts.map(async part => ({ ...part, ...(await presigner.part(upload, part, seconds)) }))
    return { upload, urlsExpireAt, parts: await Promise.all(signed) }
  }

  /** An upload that came by a grant, or any that has arrived. */
  async function find(key: UploadKey): Promise<PendingRecord | UploadRecord | undefined> {
    const found = await pending.get(key)
    if (!found || !isPending(found)) return found
    return found.arrival.way === 'tus' || Date.parse(found.expiresAt) <= now().getTime() ? undefined : found
  }

  async function keep(promised: PendingRecord, log: Log): Promise<UploadRecord | undefined> {
    if (isParts(promised)) await multipart.join(promised)
    return finish(promised, log)
  }

  /** The client that began it left. The one that has joined it goes on. */
  function orAnew(error: unknown, key: UploadKey, log: Log): Promise<UploadRecord | undefined> {
    if (error instanceof ClientGoneError) return grants.complete(key, log)
    throw error
  }

  const grants: Grants = {
    async create(announced, log) {
      const promised = promise(announced)
      if (promised.size <= partsAboveBytes) {
        const upload: PendingRecord = { ...promised, arrival: { way: 'put' } }
        await pending.create(upload)
        return sign(upload, [])
      }
      const upload = { ...promised, arrival: await multipart.start(promised) }
      try {
        await pending.create(upload)
      } catch (error) {
        await settle(() => multipart.abort(upload)).catch((err: unknown) => {
          log.error({ err, key: upload.key }, 'a multipart upload without a record stays behind')
        })
        throw error
      }
      return sign(upload, plannedParts({ size: upload.size, partBytes: upload.arrival.partBytes }))
    },

    async renew(key) {
      const found = await find(key)
      if (!found || !isPending(found)) return undefined
      return sign(found, isParts(found) ? await multipart.missing(found) : [])
    },

    async complete(key, log) {
      const found = await find(key)
      if (!found || !isPending(found)) return found
      const { owner, uploadId } = found
      const name = `${owner}/${uploadId}`
      const underWay = completing.get(name)
      // It ends by itself where it makes no progress: whoever joins it waits no longer than that.
      if (underWay !== undefined) return underWay.catch(error => orAnew(error, key, log))
      const keeping = keep(found, log).finally(() => completing.delete(name))
      completing.set(name, keeping)
      return keeping
    },
  }
  return grants
}

function isParts(upload: PendingRecord): upload is PendingRecord<PartsArrival> {
  return upload.arrival.way === 'parts'
}
