import type { Clock } from '../clock.ts'
import type { Lease } from '../leases/lease.ts'
import type { LeaseStore } from '../leases/lease-store.ts'
import type { ConsumerEmitter } from '../metrics/emitter.ts'
import { PauseGate } from './pause-gate.ts'
import { decodePauses, encodePauses, entryOf, isBehind, mergePauses, type Pause, pauseOf } from './pause-state.ts'

/** Options of `KinesisConsumer.pause`. */
export interface PauseOptions {
  /** Who pauses the worker, for the event `paused` and `metrics()`. Default the id of the worker. */
  by?: string
  /** Why. Default `consumer.pause() was called`. */
  reason?: string
}

export interface WorkerPauseSettings {
  workerId: string
  clock: Clock
  /** Epoch milliseconds. */
  wallClock: () => number
  events: ConsumerEmitter
  /** Called after each resume. */
  onResumed(): void
}

/**
 * The pause of one worker. It learns about pauses from every read of the lease table and never forgets one: an older
 * copy that it reads later, or a deleted row, changes nothing.
 */
export class WorkerPause {
  readonly gate: PauseGate
  readonly #settings: WorkerPauseSettings
  #known = mergePauses([])
  #knownText: string | undefined
  /** Set while `consumer.pause()` applies. */
  #ofProcess: Pause | undefined
  #current: Pause | undefined
  /** Keys of rows that were behind at the last read. */
  #wereBehind: ReadonlySet<string> = new Set()

  constructor(settings: WorkerPauseSettings) {
    this.#settings = settings
    this.gate = new PauseGate(settings.clock)
  }

  /** The pause that applies to this worker; undefined if there is none. */
  get current(): Pause | undefined {
    return this.#current
  }

  /** Pauses this worker from within its process. */
  pauseProcess({ by, reason }: Pick<Pause, 'by' | 'reason'>): void {
    const { workerId, wallClock } = this.#settings
    this.#ofProcess ??= { scope: 'process', workerId, by, reason, at: new Date(wallClock()) }
    this.#apply()
  }

  /** Ends the pause from within the process. */
  resumeProcess(): void {
    this.#ofProcess = undefined
    this.#apply(this.#settings.workerId)
  }

  /** Wraps a lease store, so that each read and written row is observed, and each new row carries the pauses of the application. */
  watch(store: LeaseStore): LeaseStore {
    return {
      ensureTable: signal => store.ensureTable(signal),
      list: async reading => {
        const leases = await store.list(reading)
        this.#observe(leases)
        return leases
      },
      get: leaseKey => store.get(leaseKey),
      create: lease => store.create(this.#knownText === undefined ? lease : { ...lease, pause: this.#knownText }),
      swap: async (previous, next) => {
        const written = await store.swap(previous, next)
        if (written) this.#observe([written])
        return written
      },
      delete: lease => store.delete(lease),
    }
  }

  /**
   * Returns the changes that bring rows up to date: those that are behind now and were behind at the previous call. An
   * operator may still be writing the others, and a stale read corrects itself.
   */
  repairs(leases: readonly Lease[]): Array<{ lease: Lease; next: Lease }> {
    const behind = leases.filter(({ pause }) => pause !== this.#knownText && isBehind(decodePauses(pause), this.#known))
    const again = behind.filter(({ leaseKey }) => this.#wereBehind.has(leaseKey))
    this.#wereBehind = new Set(behind.map(({ leaseKey }) => leaseKey))
    return again.map(lease => ({
      lease,
      next: { ...lease, pause: encodePauses(mergePauses([decodePauses(lease.pause), this.#known])) },
    }))
  }

  #observe(leases: readonly Lease[]): void {
    // The rows nearly always have the same text.
    const texts = new Set(leases.map(({ pause }) => pause))
    texts.delete(undefined)
    texts.delete(this.#knownText)
    if (texts.size === 0) return
    this.#known = mergePauses([this.#known, ...[...texts].map(decodePauses)])
    this.#knownText = encodePauses(this.#known)
    this.#apply()
  }

  #apply(resumedBy?: string): void {
    const { events, workerId, onResumed } = this.#settings
    const before = this.#current
    this.#current = pauseOf(this.#known, workerId) ?? this.#ofProcess
    const now = this.#current
    if (now) {
      this.gate.pause()
      // An event of a diagnostics channel has a `workerId` of its own.
      const { scope, by, reason, at } = now
      if (!before || !isSame(before, now)) events.emit('paused', { scope, by, reason, at })
    } else if (before) {
      const pausedForMs = this.gate.pausedForMs ?? 0
      this.gate.resume()
      onResumed()
      const entry = entryOf(this.#known, before.scope === 'worker' ? workerId : undefined)
      events.emit('resumed', { by: resumedBy ?? entry?.by ?? workerId, pausedForMs })
    }
  }
}

function isSame(a: Pause, b: Pause): boolean {
  return a.scope === b.scope && a.by === b.by && a.reason === b.reason && a.at.getTime() === b.at.getTime()
}
