import type { ShardPosition } from '../../services/consumer/stream.ts'
import { type Fate, type Service, serviceError, type Weather } from './network.ts'
import type { RandomStreams } from './random.ts'
import type { Scenario } from './scenario.ts'
import type { WorkerProcess } from './worker-process.ts'

const BURST = 0.9

/** The faults of a read, in addition to the fate of its call. */
export type ReadFault = 'emptyPage' | 'nullIterator' | 'invalidPosition' | 'halfOpen' | 'cut' | 'earlyEnd' | 'childless'

/** The faults of the network and the services, and the staleness of their answers, until all faults are over. */
export class RandomWeather implements Weather {
  readonly #streams: RandomStreams
  readonly #settings: Scenario['weather']
  readonly #now: () => number
  #healed = false
  #burst: { service: Service; until: number } | undefined

  constructor(settings: Scenario['weather'], streams: RandomStreams, now: () => number) {
    this.#settings = settings
    this.#streams = streams
    this.#now = now
  }

  fate(service: Service, { name }: Pick<WorkerProcess, 'name'>): Fate {
    if (this.#healed) return 'arrives'
    const random = this.#streams.of(`${service} calls of ${name}`)
    const isBurst = this.#burst?.service === service && this.#now() < this.#burst.until
    if (isBurst && random.chance(BURST)) return 'throttled'
    if (!random.chance(this.#settings[service])) return 'arrives'
    return random.pick(this.#settings.fates) ?? 'arrives'
  }

  latency({ name }: Pick<WorkerProcess, 'name'>): number {
    const most = this.#healed ? Math.min(20, this.#settings.latencyMs) : this.#settings.latencyMs
    return this.#streams.of(`latency of ${name}`).between(1, most)
  }

  /** Staleness of a row of a scan, or of a page of ListShards, in milliseconds. */
  age(of: 'scanAgeMs' | 'listAgeMs'): number {
    return this.#healed ? 0 : this.#streams.of(of).between(0, this.#settings[of])
  }

  strikes(what: ReadFault): boolean {
    return !this.#healed && this.#streams.of(what).chance(this.#settings[what])
  }

  /**
   * The position of a checkpoint may no longer exist, as after a trim.
   *
   * @throws the error of Kinesis in that case
   */
  check(position: ShardPosition): void {
    if (!('sequenceNumber' in position) || !this.strikes('invalidPosition')) return
    throw serviceError('InvalidArgumentException', 'There is no such place.')
  }

  /** Throttles nearly every call to the service for this time. */
  burst(service: Service, ms: number): void {
    this.#burst = { service, until: this.#now() + ms }
  }

  heal(): void {
    this.#healed = true
  }
}
