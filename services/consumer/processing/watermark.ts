import type { Checkpoint } from '../checkpoint.ts'

/** A record on its way, in the order of the shard. */
export interface Ticket {
  /** Where it is in the shard. */
  readonly record: Checkpoint
  settled: boolean
}

/**
 * How far a shard is done without a gap, while its records finish in any order. Never passes a record that is not settled,
 * so that nothing behind it can be lost.
 */
export class Watermark {
  #reached: Checkpoint
  /** Open tickets in the shard's order, from `#first` on. */
  readonly #tickets: Ticket[] = []
  #first = 0

  constructor(start: Checkpoint) {
    this.#reached = start
  }

  /** Everything up to here, this record included, is done. */
  get reached(): Checkpoint {
    return this.#reached
  }

  /** Records taken in and not yet passed. */
  get pending(): number {
    return this.#tickets.length - this.#first
  }

  /** Takes a record in, behind all that were before. */
  open(ticket: Ticket): void {
    this.#tickets.push(ticket)
  }

  /** @returns how many records the watermark has passed by it. */
  settle(ticket: Ticket): number {
    ticket.settled = true
    const before = this.#first
    let last: Ticket | undefined
    for (let next = this.#tickets[this.#first]; next?.settled; next = this.#tickets[this.#first]) {
      last = next
      this.#first++
    }
    if (!last) return 0
    // Its place alone: the record may be large.
    const { sequenceNumber, subSequenceNumber } = last.record
    this.#reached = { sequenceNumber, subSequenceNumber }
    const passed = this.#first - before
    this.#forget()
    return passed
  }

  /** Drops the tickets that are passed, rarely enough that it costs nothing for each. */
  #forget(): void {
    if (this.#first < 1_024 && this.#first < this.#tickets.length) return
    if (this.#first === this.#tickets.length) this.#tickets.length = 0
    else this.#tickets.splice(0, this.#first)
    this.#first = 0
  }
}
