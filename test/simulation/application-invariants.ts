import type { ConsumerRecord } from '../../services/consumer/record.ts'
import type { Invariant } from './invariants.ts'
import type { Ledger, LedgerRecord } from './ledger.ts'
import { outputOf } from './output.ts'

export interface ApplicationInvariantSettings {
  ledger: Ledger
  /** Attempts of a record that fail by itself before it is given up. */
  maxAttempts: number
  violated(invariant: Invariant, what: string): void
}

/** Checks the application: the outputs of records, how often they are delivered, and which are given up. */
export class ApplicationInvariants {
  readonly #settings: ApplicationInvariantSettings
  /** What each run has handled of a shard since it took its lease. */
  readonly #done = new Map<string, Set<LedgerRecord>>()

  constructor(settings: ApplicationInvariantSettings) {
    this.#settings = settings
  }

  acquired(run: string, shardId: string): void {
    this.#done.delete(`${run} ${shardId}`)
  }

  starts(run: string, record: ConsumerRecord): void {
    const { ledger, violated } = this.#settings
    const entry = ledger.find(record)
    if (!entry || !this.#doneOf(run, record.shardId).has(entry)) return
    violated('twice', `${run} handles ${record.partitionKey}#${entry.keyIndex} again, which it has handled to its end`)
  }

  /** @param isHeard the handler ended before its signal fired */
  handled(run: string, record: ConsumerRecord, isHeard: boolean): void {
    const entry = this.#settings.ledger.find(record)
    if (!entry) return
    entry.handled = true
    if (isHeard) this.#doneOf(run, record.shardId).add(entry)
    this.puts(run, record)
  }

  deadLettered(run: string, record: ConsumerRecord): void {
    const { ledger, maxAttempts, violated } = this.#settings
    const entry = ledger.find(record)
    if (!entry) return
    if (entry.poison !== 'hopeless' && entry.failures < maxAttempts) {
      const tries = `${entry.failures} of ${maxAttempts} tries failed by it`
      violated('deadLetter', `${run} gives ${record.partitionKey}#${entry.keyIndex} up, though only ${tries}`)
    }
    entry.deadLettered = true
    this.puts(run, record)
  }

  /** Records the output of a record that is handled, handled again or redriven. */
  puts(whoever: string, record: ConsumerRecord): void {
    const { ledger, violated } = this.#settings
    const output = outputOf(record)
    const expected = ledger.find(record)?.output
    if (output !== expected) violated('12', `${whoever} makes '${output}' of what was put as '${expected}'`)
  }

  #doneOf(run: string, shardId: string): Set<LedgerRecord> {
    const name = `${run} ${shardId}`
    const done = this.#done.get(name) ?? new Set()
    this.#done.set(name, done)
    return done
  }
}
