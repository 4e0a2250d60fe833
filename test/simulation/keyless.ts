import { compareCheckpoints } from '../../services/consumer/checkpoint.ts'
import type { ConsumerRecord } from '../../services/consumer/record.ts'
import type { Invariant, Invariants } from './invariants.ts'
import type { Ledger, LedgerRecord } from './ledger.ts'
import type { SeededRandom } from './random.ts'

/** The records without a partition key in a run. */
export interface KeylessScenario {
  readonly random: SeededRandom
  /** Share of the records that are put without a key. Kinesis chooses their shards. */
  readonly share: number
}

export function drawKeyless(random: SeededRandom): KeylessScenario {
  return { random, share: random.chance(0.25) ? random.next() : 0 }
}

export interface KeylessStartsSettings {
  ledger: Ledger
  invariants: Pick<Invariants, 'takenFrom'>
  violated(invariant: Invariant, what: string): void
}

/**
 * Checks that a record without a key waits for no other record: a handler of a later record of the shard never starts
 * first. This holds if records are handled one by one, without fairness keys, and if the breaker stays closed.
 */
export class KeylessStarts {
  readonly #settings: KeylessStartsSettings
  /** What each run has started of a shard since it took its lease. */
  readonly #holds = new Map<string, { started: Set<LedgerRecord>; checkedUpTo: number }>()

  constructor(settings: KeylessStartsSettings) {
    this.#settings = settings
  }

  acquired(run: string, shardId: string): void {
    this.#holds.delete(`${run} ${shardId}`)
  }

  starts(run: string, record: ConsumerRecord): void {
    const { ledger, invariants, violated } = this.#settings
    const { shardId } = record
    const entry = ledger.find(record)
    if (!entry) return
    const name = `${run} ${shardId}`
    const hold = this.#holds.get(name) ?? { started: new Set(), checkedUpTo: 0 }
    this.#holds.set(name, hold)
    hold.started.add(entry)
    const from = invariants.takenFrom(run, shardId)
    for (; hold.checkedUpTo < entry.index; hold.checkedUpTo++) {
      const earlier = ledger.ofShard(shardId)[hold.checkedUpTo]
      if (!earlier?.isKeyless || hold.started.has(earlier) || earlier.trimmed || ledger.isBeforeStart(earlier)) continue
      if (from && compareCheckpoints(earlier.position, from) <= 0) continue
      violated('keyless', `${run} starts #${entry.index} of ${shardId} before #${earlier.index}, which has no key`)
    }
  }
}
