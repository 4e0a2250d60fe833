import type { ShardPosition } from '../../services/consumer/stream.ts'
import { type Fate, type Service, serviceError, type Weather } from './network.ts'
import type { SeededRandom } from './random.ts'
import type { Scenario } from './scenario.ts'

const BURST = 0.9

/** What a read may meet with, besides the fates of its call. */
export type ReadFault = 'emptyPage' | 'nullIterator' | 'invalidPosition' | 'halfOpen' | 'cut' | 'earlyEnd' | 'childless'

/** What goes wrong on the way to the services, and how old what they answer is, until all of it is healed. */
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

  /** Milliseconds by which a row of a scan, or a page of ListShards, is behind. */
  age(of: 'scanAgeMs' | 'listAgeMs'): number {
    return this.#healed ? 0 : this.#random.between(0, this.#settings[of])
  }

  strikes(what: ReadFault): boolean {
    return !this.#healed && this.#random.chance(this.#settings[what])
  }

  /** A place that a checkpoint names may be none any more, as after a trim. @throws as Kinesis does then */
  check(position: ShardPosition): void {
    if (!('sequenceNumber' in position) || !this.strikes('invalidPosition')) return
    throw serviceError('InvalidArgumentException', 'There is no such place.')
  }

  /** Nearly every call to the service is throttled for so long. */
  burst(service: Service, ms: number): void {
    this.#burst = { service, until: this.#now() + ms }
  }

  heal(): void {
    this.#healed = true
  }
}
