import type { Clock } from '../../services/consumer/clock.ts'
import type { Timer, VirtualTime } from './clock.ts'
import type { RandomStreams, SeededRandom } from './random.ts'

/** A promise that never settles: the process or its host is dead. */
export const never = <T>(): Promise<T> => new Promise<T>(() => undefined)

/**
 * The process of a worker: its clock, and the gate through which every answer arrives. A killed process never
 * continues. A suspended one has its own time, which is ahead of the world: its next actions happen after the
 * suspension, and it receives what arrived in the meantime in random order, like an event loop.
 */
export class WorkerProcess implements Clock {
  /** Identifies this run of the worker. */
  readonly name: string
  readonly #time: VirtualTime
  /** The random numbers of this process. */
  readonly random: SeededRandom
  /** The monotonic clocks of two machines are unrelated. */
  readonly #offset: number
  /** Injects a fault, if one is due. Called at every call of the process. */
  trap: (() => 'before sending' | 'after sending' | undefined) | undefined
  /** The kind of the fault. */
  fall: () => void = () => this.kill()
  /** The time at which every suspension ends, as by SIGCONT. */
  continuesAt = Number.POSITIVE_INFINITY
  /**
   * Signals of sleeps that have not ended. Node retains a composite signal, and all that it refers to, while it has a
   * listener. A dead process must not retain anything.
   */
  readonly #unlisten = new Set<() => void>()
  #alive = true
  #stalls = 0
  #stalledAt: number | undefined
  #busyUntil = 0

  constructor(name: string, time: VirtualTime, streams: RandomStreams) {
    this.name = name
    this.#time = time
    this.random = streams.of(`process ${name}`)
    this.#offset = this.random.integer(0, 1_000_000)
  }

  get alive(): boolean {
    return this.#alive
  }

  /** Number of suspensions. */
  get stalls(): number {
    return this.#stalls
  }

  /** True if the process was suspended while it runs what it does now. */
  get wasJustSuspended(): boolean {
    return this.#stalledAt === this.#time.now
  }

  /** The time of the world as seen by this process. */
  get here(): number {
    return Math.max(this.#time.now, this.#busyUntil)
  }

  now(): number {
    return this.here + this.#offset
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (!this.#alive) return never()
    if (signal?.aborted) return Promise.resolve()
    return new Promise(resolve => {
      const wake = () => {
        timer.cancelled = true
        unlisten()
        resolve()
      }
      const unlisten = () => {
        this.#unlisten.delete(unlisten)
        signal?.removeEventListener('abort', wake)
      }
      const timer = this.deliver(this.here + Math.max(1, ms), wake)
      signal?.addEventListener('abort', wake)
      this.#unlisten.add(unlisten)
    })
  }

  /** Runs `receive` inside the process at that time, or when the process can, or never. */
  deliver(time: number, receive: () => void): Timer {
    const timer = this.#time.at(time, () => this.#arrives(timer, receive))
    return timer
  }

  #arrives(timer: Timer, receive: () => void): void {
    if (!this.#alive || timer.cancelled) return
    if (this.#time.now < this.#busyUntil) {
      this.deliver(this.#afterSuspension(), () => {
        if (!timer.cancelled) receive()
      })
      return
    }
    this.#time.woke()
    receive()
  }

  #afterSuspension(): number {
    return this.#busyUntil + this.random.between(0, 3)
  }

  kill(): void {
    this.#alive = false
    for (const unlisten of this.#unlisten) unlisten()
  }

  /** Suspends the process: a blocking computation, a pause of the machine, or SIGSTOP. */
  stall(ms: number): void {
    this.#stalls++
    this.#stalledAt = this.#time.now
    this.#busyUntil = Math.min(this.here + ms, Math.max(this.here, this.continuesAt))
  }
}
