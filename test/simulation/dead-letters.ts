import type { ConsumerRecord } from '../../services/consumer/record.ts'

/** Where an application keeps the records that were given up, as they were given to it. */
export class DeadLetters {
  readonly #letters = new Map<string, ConsumerRecord>()

  /** Storing a letter again changes nothing. */
  store(record: ConsumerRecord): void {
    this.#letters.set(`${record.sequenceNumber}/${record.subSequenceNumber}`, record)
  }

  all(): readonly ConsumerRecord[] {
    return [...this.#letters.values()]
  }
}
