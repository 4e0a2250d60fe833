import type { ShardPosition } from '../../services/consumer/stream.ts'
import { type Fate, type Service, serviceError, type Weather } from './network.ts'
import type { SeededRandom } from './random.ts'
import type { Scenario } from './scenario.ts'

const BURST = 0.9

/** The faults of a read, in addition to the fate of its call. */
export type ReadFault = 'emptyPage' | 'nullIterator' | 'invalidPosition' | 'halfOpen' | 'cut' | 'earlyEnd' | 'childless'

/** The faults of the network and the services, and the staleness of their answers, until all faults are over. */
export class RandomWeather implements Weather {
  readonly #random: SeededRandom
  readonly #settings: Scenario['weather']
  readonly #now: () => number
  #healed = false
  #burst: { service: Service; until: number } | undefined

  constructor(settings: Scenario['weather'], random: SeededRandom, now: () => number) {
    this.#settings = settings
    this.#random = random
    this.#now = now
  }

  fate(service: Service): Fate {
    if (this.#healed) return 'arrives'
    const isBurst = this.#burst?.service === service && this.#now() < this.#burst.until
    if (isBurst && this.#random.chance(BURST)) return 'throttled'
    if (!this.#random.chance(this.#settings[service])) return 'arrives'
    return this.#random.pick(this.#settings.fates) ?? 'arrives'
  }

  latency(): number {
    const most = this.#healed ? Math.min(20, this.#settings.latencyMs) : this.#settings.latencyMs
    return this.#random.between(1, most)
  }

  /** Staleness of a row of a scan, or of a page of ListShards, in milliseconds. */
  age(of: 'scanAgeMs' | 'listAgeMs'): number {
    return this.#healed ? 0 : this.#random.between(0, this.#settings[of])
  }

  strikes(what: ReadFault): boolean {
    return !this.#healed && this.#random.chance(this.#settings[what])
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
