import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { settle } from '../../platform/deadline.ts'
import type { Logger } from '../../platform/log.ts'
import type { TusArrival } from '../../uploads/pending/pending.ts'
import type { TusRecord, TusStore } from '../../uploads/pending/tus-store.ts'
import type { UploadRecord } from '../../uploads/records/record.ts'
import type { UploadKey } from '../../uploads/records/store.ts'
import { UploadLockedError } from './errors.ts'

export interface LockTimes {
  /** How long a lock outlives its process, in milliseconds. */
  holdMs: number
  /** How often it is renewed, and looked whether somebody else wants it, in milliseconds. */
  renewMs: number
  /** How often it is tried where another has it, in milliseconds. */
  retryMs: number
  /** How long, in milliseconds. Longer than `holdMs`: who died lets go by then. */
  patienceMs: number
}

const TIMES: LockTimes = { holdMs: 10_000, renewMs: 2_000, retryMs: 250, patienceMs: 20_000 }

/** An upload that this request alone may change. */
export interface HeldUpload {
  /** As it was when it was locked, and as it was written since. */
  readonly record: TusRecord
  /** Fires when somebody else wants the upload, or the lock is lost. */
  readonly release: AbortSignal
  /** What is to be written with the next renewal, so that a crash loses no more than what came since. */
  note(arrival: TusArrival): void
  /** @throws UploadLockedError where the lock is lost: nothing was written */
  write(arrival: TusArrival): Promise<void>
  unlock(): Promise<void>
}

export type Acquired = HeldUpload | { accepted: UploadRecord } | undefined

export interface Locks {
  /**
   * Waits for the upload, and asks whoever holds it to let go: a client that comes again has given its former request up.
   *
   * @throws UploadLockedError where it is not to be had
   */
  acquire(key: UploadKey, signal: AbortSignal, log: Pick<Logger, 'warn'>): Promise<Acquired>
}

/** Locks for all processes: in the record, see the store. */
export function createLocks(store: TusStore, times: LockTimes = TIMES, now: () => number = Date.now): Locks {
  const { holdMs, renewMs, retryMs, patienceMs } = times
  /** Of this process, by token: they need not wait for a renewal to be told. */
  const holders = new Map<string, () => void>()

  return {
    async acquire(key, signal, log) {
      const token = randomUUID()
      const deadline = now() + patienceMs
      for (;;) {
        const found = await store.lock(key, { token, now: now(), until: now() + holdMs })
        if (found.state === 'locked') return hold(key, token, found.record, log)
        if (found.state === 'accepted') return { accepted: found.record }
        if (found.state === 'none') return undefined
        if (now() > deadline || signal.aborted) {
          throw new UploadLockedError('Another request is at work on this upload. Try again.')
        }
        const holder = holders.get(found.by)
        if (holder) holder()
        else await store.requestRelease(key, found.by)
        await delay(retryMs)
      }
    },
  }

  function hold(key: UploadKey, token: string, first: TusRecord, log: Pick<Logger, 'warn'>): HeldUpload {
    const release = new AbortController()
    let record = first
    let noted: TusArrival | undefined
    let renewing: Promise<void> = Promise.resolve()
    holders.set(token, () => release.abort())

    async function renew(): Promise<void> {
      const arrival = noted
      noted = undefined
      const kept = await store.renew(key, { token, until: now() + holdMs }, arrival)
      if (!kept || kept.isReleaseRequested) release.abort()
      else if (arrival) record = { ...record, arrival }
    }

    const timer = setInterval(() => {
      renewing = renewing.then(renew).catch((err: unknown) => {
        log.warn({ err, uploadId: key.uploadId }, 'the lock of an upload could not be renewed')
      })
    }, renewMs).unref()

    return {
      get record() {
        return record
      },
      release: release.signal,
      note: arrival => {
        noted = arrival
      },
      async write(arrival) {
        noted = undefined
        // In their order: an older state must not be written over this one.
        await renewing
        const kept = await store.renew(key, { token, until: now() + holdMs }, arrival)
        if (!kept) throw new UploadLockedError('Another request has taken this upload over. Ask for its offset.')
        record = { ...record, arrival }
      },
      async unlock() {
        clearInterval(timer)
        holders.delete(token)
        await renewing
        await settle(() => store.unlock(key, token))
      },
    }
  }
}
