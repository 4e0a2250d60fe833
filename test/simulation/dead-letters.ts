import type { ConsumerRecord } from '../../services/consumer/record.ts'

/** Stores the records that were given up, as they were passed to the port. */
export class DeadLetters {
  readonly #letters = new Map<string, ConsumerRecord>()

  /** Storing a letter again has no effect. */
  store(record: ConsumerRecord): void {
    this.#letters.set(`${record.sequenceNumber}/${record.subSequenceNumber}`, record)
  }

  all(): readonly ConsumerRecord[] {
    return [...this.#letters.values()]
  }
}
