import type { VirtualTime } from './clock.ts'
import { never, type WorkerProcess } from './worker-process.ts'

/** The fate of a call. A write that is retried after a lost reply finds its own row, and is rejected. */
export type Fate = 'arrives' | 'refused' | 'throttled' | 'request lost' | 'reply lost' | 'arrives late' | 'retried'

export const FAULTY_FATES: readonly Fate[] = [
  'refused',
  'throttled',
  'request lost',
  'reply lost',
  'arrives late',
  'retried',
]

export interface Call<T> {
  /** Milliseconds after which the caller times out. */
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
  /** What the service does when the call arrives. An error that it throws is its answer. */
  effect(sentAt: number): T
}

/** The behaviour of the network, decided by the faults of the run. */
export interface Weather {
  fate(service: Service, process: Pick<WorkerProcess, 'name'>): Fate
  /** Latency in milliseconds. */
  latency(process: Pick<WorkerProcess, 'name'>): number
}

export type Service = 'dynamodb' | 'kinesis' | 's3'

export class Network {
  readonly #time: VirtualTime
  readonly #weather: Weather

  constructor(time: VirtualTime, weather: Weather) {
    this.#time = time
    this.#weather = weather
  }

  /** Calls a service from a process. The answer arrives through the gate of the process. */
  call<T>(process: WorkerProcess, service: Service, call: Call<T>): Promise<T> {
    if (!process.alive) return never()
    const springs = process.trap?.()
    if (springs === 'before sending') process.fall()
    if (!process.alive) return never()
    const answer = this.#send(process, service, call)
    if (springs === 'after sending') process.fall()
    return answer
  }

  #send<T>(process: WorkerProcess, service: Service, { timeoutMs, signal, effect }: Call<T>): Promise<T> {
    if (signal?.aborted) return Promise.reject(abortError())
    const sentAt = process.here
    const fate = this.#weather.fate(service, process)
    const arrivesAt = sentAt + this.#weather.latency(process)
    const repliesAt = arrivesAt + this.#weather.latency(process)
    const givesUpAt = sentAt + timeoutMs

    return new Promise((resolve, reject) => {
      const fails = (time: number, error: Error) => process.deliver(time, () => settle(() => reject(error)))
      const onAbort = () => settle(() => reject(abortError()))
      let settled = false
      const settle = (how: () => void) => {
        if (settled) return
        settled = true
        signal?.removeEventListener('abort', onAbort)
        how()
      }
      const arrives = (time: number, repliesAt: number | undefined, times = 1) =>
        this.#time.at(time, () => {
          let answer: () => void = () => undefined
          for (let left = times; left > 0; left--) {
            try {
              const value = effect(sentAt)
              answer = () => resolve(value)
            } catch (error) {
              answer = () => reject(error)
            }
          }
          if (repliesAt !== undefined) process.deliver(repliesAt, () => settle(answer))
        })
      signal?.addEventListener('abort', onAbort)

      switch (fate) {
        case 'arrives':
          return arrives(arrivesAt, repliesAt)
        case 'retried':
          return arrives(arrivesAt, repliesAt, 2)
        case 'refused':
          return fails(arrivesAt, serviceError('NetworkingError', 'connection refused'))
        case 'throttled':
          return fails(repliesAt, serviceError('ProvisionedThroughputExceededException', 'throttled'))
        case 'request lost':
          return fails(givesUpAt, serviceError('TimeoutError', 'timed out'))
        case 'reply lost':
          arrives(arrivesAt, undefined)
          return fails(repliesAt, serviceError('NetworkingError', 'socket hang up'))
        case 'arrives late':
          arrives(givesUpAt + this.#weather.latency(process) * 20, undefined)
          return fails(givesUpAt, serviceError('TimeoutError', 'timed out'))
      }
    })
  }
}

/** An error as the SDK throws it, identified by its name. */
export function serviceError(name: string, message: string): Error {
  return Object.assign(new Error(message), { name })
}

export const abortError = () => serviceError('AbortError', 'Request aborted')
