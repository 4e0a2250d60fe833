import type { Readable } from 'node:stream'
import { DataStore, ERRORS, Metadata, Upload } from '@tus/server'
import { settle } from '../../platform/deadline.ts'
import type { Logger } from '../../platform/log.ts'
import type { BodyPace } from '../../platform/s3/body-pace.ts'
import type { PartBuffers } from '../../platform/s3/part-buffers.ts'
import type { PendingStore } from '../../uploads/pending/pending-store.ts'
import type { TusRecord } from '../../uploads/pending/tus-store.ts'
import type { UploadRecord } from '../../uploads/records/record.ts'
import { isPending, type PendingUpload } from '../../uploads/records/record.ts'
import type { CleanUp, EndPending } from '../pending/end-pending.ts'
import type { Promised } from '../pending/reservation.ts'
import type { Checksum } from './checksum.ts'
import { UploadGoneError } from './errors.ts'
import type { FinishTus } from './finish-tus.ts'
import type { Acquired, HeldUpload, Locks } from './lock.ts'
import { offsetOf, tusPartBytes } from './offset.ts'
import type { RunningDigests } from './running-digests.ts'
import type { S3Parts } from './s3-parts.ts'
import { writeParts } from './write-parts.ts'

/** What all requests share. */
export interface TusServices {
  pending: Pick<PendingStore, 'create' | 'get'>
  locks: Locks
  parts: S3Parts
  buffers: PartBuffers
  digests: RunningDigests
  finish: FinishTus
  endPending: EndPending
  cleanUpIfEnded: CleanUp
  /** How long an upload may take, in milliseconds. */
  lifetimeMs: number
}

/** What one request is about. */
export interface TusRequest {
  owner: string
  checksum: Checksum | undefined
  /** How fast its body comes, where it has one. */
  pace: BodyPace | undefined
  log: Pick<Logger, 'warn' | 'error'>
}

/**
 * The uploads of one owner, for one request of @tus/server. Its ids are those of the records, and mean nothing without the
 * owner: another's upload is not there.
 */
export class OwnUploads extends DataStore {
  override extensions = ['creation', 'creation-with-upload', 'expiration', 'termination', 'checksum']
  /** Set before @tus/server creates the upload. */
  promised: Promised | undefined
  readonly #services: TusServices
  readonly #request: TusRequest
  #acquired: Acquired
  /** The writing that must be over before another may begin. */
  #writing: Promise<unknown> = Promise.resolve()

  constructor(services: TusServices, request: TusRequest) {
    super()
    this.#services = services
    this.#request = request
  }

  /** Waits for the upload. `release` is called when another request wants it. */
  async lock(uploadId: string, signal: AbortSignal, release: () => void): Promise<void> {
    const { owner, log } = this.#request
    // One that is being created is known to nobody else.
    if (this.promised?.uploadId === uploadId) return
    this.#acquired = await this.#services.locks.acquire({ owner, uploadId }, signal, log)
    this.#held?.release.addEventListener('abort', release, { once: true })
    if (this.#held?.release.aborted) release()
  }

  async unlock(): Promise<void> {
    await this.#writing.catch(() => undefined) // Whoever waits for it is told.
    await this.#held?.unlock()
  }

  override async create(upload: Upload): Promise<Upload> {
    const { promised } = this
    if (!promised) throw new TypeError('Nothing was promised.')
    const metadata = upload.metadata && Object.keys(upload.metadata).length > 0 && Metadata.stringify(upload.metadata)
    const arrival = { way: 'tus', partBytes: tusPartBytes(promised.size), etags: [] } as const
    const record: TusRecord = {
      ...promised,
      arrival: { ...arrival, etags: [], ...(metadata && { metadata }) },
    }
    await this.#services.pending.create(record)
    return Object.assign(upload, { creation_date: promised.uploadedAt })
  }

  override async getUpload(uploadId: string): Promise<Upload> {
    const found = await this.#find(uploadId)
    if (!found) throw ERRORS.FILE_NOT_FOUND
    if (!isPending(found)) return accepted(found)
    // The last byte has arrived and was not answered. It is told of only if the upload is accepted: a client that hears of it
    // asks no more.
    if (offsetOf(found) === found.size && !isOver(found)) {
      const record = await this.#services.finish(found, this.#request.log)
      if (!record) throw ERRORS.FILE_NOT_FOUND
      return accepted(record)
    }
    return underWay(found, this.#services.lifetimeMs)
  }

  override async write(body: Readable, uploadId: string, offset: number): Promise<number> {
    const { owner, checksum, pace, log } = this.#request
    // A request that creates an upload and begins it.
    if (this.promised) this.#acquired = await this.#services.locks.acquire({ owner, uploadId }, NEVER, log)
    const held = this.#held
    if (!held) return offset
    const { parts, buffers, digests, cleanUpIfEnded } = this.#services
    const writing = writeParts(held, body, { parts, buffers, digests, cleanUpIfEnded, pace, log }, checksum)
    this.#writing = writing
    try {
      return await writing
    } catch (error) {
      if (error instanceof UploadGoneError) await this.#services.endPending({ owner, uploadId })
      throw error
    }
  }

  override async remove(uploadId: string): Promise<void> {
    const { owner } = this.#request
    this.#services.digests.drop(uploadId)
    if (!(await this.#services.endPending({ owner, uploadId }))) throw ERRORS.FILE_NOT_FOUND
  }

  /**
   * After a request that failed: what it has created nobody can go on with, since its client was not told where it is. Where
   * this fails too, the sweep of pending uploads ends it.
   */
  async takeBack(): Promise<void> {
    const { promised } = this
    if (!promised) return
    const { owner, log } = this.#request
    await settle(() => this.#services.endPending({ owner, uploadId: promised.uploadId })).catch((err: unknown) => {
      log.warn({ err, uploadId: promised.uploadId }, 'an upload that could not be begun is left to the sweep')
    })
  }

  /** After the last byte. */
  async finish(uploadId: string): Promise<UploadRecord | undefined> {
    const found = await this.#find(uploadId)
    return found && isPending(found) ? this.#services.finish(found, this.#request.log) : found
  }

  override getExpiration(): number {
    return this.#services.lifetimeMs
  }

  get #held(): HeldUpload | undefined {
    return this.#acquired && 'record' in this.#acquired ? this.#acquired : undefined
  }

  async #find(uploadId: string): Promise<TusRecord | UploadRecord | undefined> {
    if (this.#held) return this.#held.record
    if (this.#acquired && 'accepted' in this.#acquired) return this.#acquired.accepted
    if (!this.promised) return undefined
    const found = await this.#services.pending.get({ owner: this.#request.owner, uploadId })
    return found as TusRecord | UploadRecord | undefined
  }
}

const NEVER = new AbortController().signal

function isOver({ expiresAt }: PendingUpload): boolean {
  return Date.parse(expiresAt) <= Date.now()
}

function underWay(record: TusRecord, lifetimeMs: number): Upload {
  const { uploadId, size, arrival, expiresAt } = record
  return new Upload({
    id: uploadId,
    size,
    offset: offsetOf(record),
    ...(arrival.metadata !== undefined && { metadata: Metadata.parse(arrival.metadata) }),
    // What the protocol's server counts the expiry from.
    creation_date: new Date(Date.parse(expiresAt) - lifetimeMs).toISOString(),
  })
}

/** Its time is not up any more: it has no date to count from. */
function accepted({ uploadId, size, filename, filenameGenerated, contentType }: UploadRecord): Upload {
  const metadata = { ...(!filenameGenerated && { filename }), filetype: contentType }
  const upload = new Upload({ id: uploadId, size, offset: size, metadata })
  return Object.assign(upload, { creation_date: undefined })
}
