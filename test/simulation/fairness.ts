import type { ConsumerOptions } from '../../services/consumer/options.ts'
import type { ConsumerRecord } from '../../services/consumer/record.ts'
import type { SeededRandom } from './random.ts'

/** How the records of a run share places. */
export interface FairnessScenario {
  readonly random: SeededRandom
  /** Share of the handlers that yield their place, at once or later. */
  readonly yields: number
  readonly options: Pick<
    ConsumerOptions,
    'fairnessKey' | 'concurrencyPerFairnessKey' | 'maxYielded' | 'maxYieldedPerFairnessKey'
  >
}

export function drawFairness(random: SeededRandom): FairnessScenario {
  const yields = random.chance(0.4) ? random.next() : 0
  const maxYielded = random.pick([0, 1, 4, 256]) ?? 256
  const kinds = random.integer(1, 4)
  const failing = random.chance(0.3) ? random.next() : 0
  // Changes sometimes, so that the records of one partition key have several fairness keys.
  const fairnessKey = ({ partitionKey }: ConsumerRecord): string | undefined => {
    if (random.chance(failing)) throw new Error('no fairness key')
    if (random.chance(0.1) || partitionKey === undefined) return undefined
    return `f${Number(partitionKey.slice(1)) % kinds}`
  }
  const maxYieldedPerFairnessKey = random.integer(1, 4)
  const keys = random.chance(0.4) ? { fairnessKey, maxYieldedPerFairnessKey } : {}
  return { random, yields, options: { maxYielded, ...keys } }
}
