import type { Checkpoint } from '../checkpoint.ts'

/** A record in flight, in the order of the shard. */
export interface Ticket {
  /** The position of the record in the shard. */
  readonly record: Checkpoint
  settled: boolean
}

/**
 * Tracks how far a shard is done without a gap, while its records end in any order. It never passes a record that is
 * not settled, so no earlier record can be lost.
 */
export class Watermark {
  #reached: Checkpoint
  /** Open tickets in the order of the shard, from `#first` on. */
  readonly #tickets: Ticket[] = []
  #first = 0

  constructor(start: Checkpoint) {
    this.#reached = start
  }

  /** Every record up to and including this one is done. */
  get reached(): Checkpoint {
    return this.#reached
  }

  /** Number of records that were added and not yet passed. */
  get pending(): number {
    return this.#tickets.length - this.#first
  }

  /** Adds a record after all earlier ones. */
  open(ticket: Ticket): void {
    this.#tickets.push(ticket)
  }

  /** @returns how many records the watermark has passed by this call */
  settle(ticket: Ticket): number {
    ticket.settled = true
    const before = this.#first
    let last: Ticket | undefined
    for (let next = this.#tickets[this.#first]; next?.settled; next = this.#tickets[this.#first]) {
      last = next
      this.#first++
    }
    if (!last) return 0
    // Keeps only the position, because the record may be large.
    const { sequenceNumber, subSequenceNumber } = last.record
    this.#reached = { sequenceNumber, subSequenceNumber }
    const passed = this.#first - before
    this.#forget()
    return passed
  }

  /** Frees passed tickets, rarely enough that the cost per ticket is negligible. */
  #forget(): void {
    if (this.#first < 1_024 && this.#first < this.#tickets.length) return
    if (this.#first === this.#tickets.length) this.#tickets.length = 0
    else this.#tickets.splice(0, this.#first)
    this.#first = 0
  }
}
