/** Kinesis allows 5 GetRecords a second and shard, over all applications. */
const CALLS_PER_SECOND = 5
/** Kinesis returns 2 MiB a second and shard. A larger reply is charged to the seconds that follow. */
const BYTES_PER_SECOND = 2 * 1024 ** 2

/** The limits of Kinesis for the reads of one shard, which all applications share. */
export class ReadLimits {
  readonly #calls: number[] = []
  #owesUntil = 0
  #throttled = 0

  /** Number of calls that were rejected. */
  get throttled(): number {
    return this.#throttled
  }

  /** Counts a call. Returns false if it exceeds a limit. Rejected calls do not count. */
  admit(now: number): boolean {
    while ((this.#calls[0] ?? now) <= now - 1_000) this.#calls.shift()
    if (this.#calls.length >= CALLS_PER_SECOND || now < this.#owesUntil) {
      this.#throttled++
      return false
    }
    this.#calls.push(now)
    return true
  }

  /** Charges the data of a reply. The limit counts whole seconds, so what exceeds one delays later calls. */
  charge(bytes: number, now: number): void {
    const owed = Math.max(this.#owesUntil, now - 1_000) + (bytes / BYTES_PER_SECOND) * 1_000
    this.#owesUntil = owed
  }
}
