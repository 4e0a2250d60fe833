import type { Clock } from '../../services/consumer/clock.ts'
import type { Timer, VirtualTime } from './clock.ts'
import type { SeededRandom } from './random.ts'

/** A promise of a process that is dead, or of a host that is: nothing comes. */
export const never = <T>(): Promise<T> => new Promise<T>(() => undefined)

/**
 * The process that a worker runs in: its clock, and the one gate through which everything reaches it. A killed process is
 * never resumed. A stalled one has its own time ahead of the world's: what it does next, it does after the stall, and what
 * comes for it meanwhile it takes in then, in no certain order, as an event loop does.
 */
export class WorkerProcess implements Clock {
  /** Of this run of the worker. */
  readonly name: string
  readonly #time: VirtualTime
  readonly #random: SeededRandom
  /** The monotonic clocks of two machines have nothing to do with each other. */
  readonly #offset: number
  /** Where a fault is to strike, asked at every call that the process makes. */
  trap: (() => 'before sending' | 'after sending' | undefined) | undefined
  /** What the fault is. */
  fall: () => void = () => this.kill()
  /**
   * Of sleeps that have not ended. Node keeps a signal that is made of others, and all that hangs on it, for as long as
   * somebody listens to it: a process that is gone must not.
   */
  readonly #unlisten = new Set<() => void>()
  #alive = true
  #stalls = 0
  #busyUntil = 0

  constructor(name: string, time: VirtualTime, random: SeededRandom) {
    this.name = name
    this.#time = time
    this.#random = random
    this.#offset = random.integer(0, 1_000_000)
  }

  get alive(): boolean {
    return this.#alive
  }

  /** How often it has stood still. */
  get stalls(): number {
    return this.#stalls
  }

  /** The world's time as it is for this process. */
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

  /** Has `receive` run inside the process then, or when it can, or never. */
  deliver(time: number, receive: () => void): Timer {
    const timer = this.#time.at(time, () => {
      if (!this.#alive || timer.cancelled) return
      if (this.#time.now < this.#busyUntil) {
        const later = this.deliver(this.#busyUntil + this.#random.between(0, 3), () => {
          if (!timer.cancelled) receive()
        })
        return void later
      }
      this.#time.woke()
      receive()
    })
    return timer
  }

  kill(): void {
    this.#alive = false
    for (const unlisten of this.#unlisten) unlisten()
  }

  /** Stands still for so long: a blocking computation, a pause of the machine, SIGSTOP. */
  stall(ms: number): void {
    this.#stalls++
    this.#busyUntil = Math.max(this.#busyUntil, this.#time.now) + ms
  }

  /** Goes on at once: the operator's SIGCONT. */
  resume(): void {
    this.#busyUntil = Math.min(this.#busyUntil, this.#time.now)
  }
}
