/** Over how many milliseconds a rate forgets what was: what is this old weighs a third of what is new. */
const MEMORY_MS = 30_000

/** How fast a number grows, as told by looks at it now and then. */
export class Rate {
  #last: { at: number; total: number } | undefined
  #perMs: number | undefined

  /** A look at the number. Looks may come at any interval; two at the same time count as one. */
  observe(total: number, at: number): void {
    const last = this.#last
    if (last && at <= last.at) return
    this.#last = { at, total }
    if (!last) return
    const elapsed = at - last.at
    const latest = (total - last.total) / elapsed
    const weight = this.#perMs === undefined ? 1 : 1 - Math.exp(-elapsed / MEMORY_MS)
    this.#perMs = (this.#perMs ?? 0) + weight * (latest - (this.#perMs ?? 0))
  }

  /** By how much a millisecond; undefined before the second look. */
  get perMs(): number | undefined {
    return this.#perMs
  }
}
