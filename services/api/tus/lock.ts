import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { cleanUp } from '../../platform/deadline.ts'
import type { Logger } from '../../platform/log.ts'
import type { TusArrival } from '../../uploads/pending/pending.ts'
import type { TusRecord, TusStore } from '../../uploads/pending/tus-store.ts'
import type { UploadRecord } from '../../uploads/records/record.ts'
import type { UploadKey } from '../../uploads/records/store.ts'
import { UploadLockedError } from './errors.ts'

/** How long a lock outlives a process that crashed, in milliseconds. */
const HOLD_MS = 10_000
/** Time between two renewals of a lock, in milliseconds. Each renewal also checks whether another request wants the upload. */
const RENEW_MS = 2_000
/** Time between two attempts to acquire a lock that another request holds, in milliseconds. */
const RETRY_MS = 250
/** Maximum time to wait for a lock, in milliseconds. Longer than `HOLD_MS`, so that the lock of a crashed process expires first. */
const MAX_WAIT_MS = 20_000

/** An upload that only this request may change. */
export interface HeldUpload {
  /** The record when it was locked, with the changes that this request has written since. */
  readonly record: TusRecord
  /** Aborted when another request wants the upload, or when the lock is lost. */
  readonly release: AbortSignal
  /** Writes the state with the next renewal, so that a crash loses only what arrived after it. */
  note(arrival: TusArrival): void
  /**
   * Writes the state now, and the size if the client has announced it.
   *
   * @throws UploadLockedError if the lock is lost. Nothing was written then.
   */
  write(arrival: TusArrival, size?: number): Promise<void>
  unlock(): Promise<void>
}

export type Acquired = HeldUpload | { accepted: UploadRecord } | undefined

/** Locks uploads for all processes, by an attribute of their records. */
export class Locks {
  readonly #store: TusStore
  /** The requests of this process that hold a lock, by token. They are notified without waiting for a renewal. */
  readonly #holders = new Map<string, () => void>()

  constructor(store: TusStore) {
    this.#store = store
  }

  /**
   * Locks an upload. Asks the request that holds the lock to release it, because a client that sends a new request has given up its
   * previous one.
   *
   * @throws UploadLockedError if the lock can't be acquired in time
   */
  async acquire(key: UploadKey, signal: AbortSignal, log: Pick<Logger, 'warn'>): Promise<Acquired> {
    const token = randomUUID()
    const deadline = Date.now() + MAX_WAIT_MS
    for (;;) {
      const found = await this.#store.lock(key, { token, now: Date.now(), until: Date.now() + HOLD_MS })
      if (found.state === 'locked') return this.#hold(key, token, found.record, log)
      if (found.state === 'accepted') return { accepted: found.record }
      if (found.state === 'none') return undefined
      if (Date.now() > deadline || signal.aborted) {
        throw new UploadLockedError('Another request is using this upload. Try again.')
      }
      const holder = this.#holders.get(found.by)
      if (holder) holder()
      else await this.#store.requestRelease(key, found.by)
      await delay(RETRY_MS)
    }
  }

  #hold(key: UploadKey, token: string, first: TusRecord, log: Pick<Logger, 'warn'>): HeldUpload {
    const [store, holders] = [this.#store, this.#holders]
    const release = new AbortController()
    let record = first
    let noted: TusArrival | undefined
    let renewing: Promise<void> = Promise.resolve()
    holders.set(token, () => release.abort())

    async function renew(): Promise<void> {
      const arrival = noted
      noted = undefined
      const kept = await store.renew(key, { token, until: Date.now() + HOLD_MS }, arrival)
      if (!kept || kept.isReleaseRequested) release.abort()
      else if (arrival) record = { ...record, arrival }
    }

    const timer = setInterval(() => {
      renewing = renewing.then(renew).catch((err: unknown) => {
        log.warn({ err, uploadId: key.uploadId }, 'the lock of an upload could not be renewed')
      })
    }, RENEW_MS).unref()

    return {
      get record() {
        return record
      },
      release: release.signal,
      note: arrival => {
        noted = arrival
      },
      async write(arrival, size) {
        noted = undefined
        // Waits for a renewal in flight, so that an older state does not overwrite this one.
        await renewing
        const kept = await store.renew(key, { token, until: Date.now() + HOLD_MS }, arrival, size)
        if (!kept) throw new UploadLockedError('Another request has taken this upload over. Ask for its offset.')
        record = { ...record, arrival, ...(size !== undefined && { size }) }
      },
      async unlock() {
        clearInterval(timer)
        holders.delete(token)
        await renewing
        await cleanUp(() => store.unlock(key, token))
      },
    }
  }
}
