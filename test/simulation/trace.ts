const KEPT = 4000

/** A trace of what happened: the last lines for reading, and a hash of all lines for comparing two runs. */
export class Trace {
  readonly #lines: string[] = []
  readonly #now: () => number
  #hash = 0x811c9dc5
  #count = 0

  constructor(now: () => number) {
    this.#now = now
  }

  get hash(): string {
    return `${this.#count}:${(this.#hash >>> 0).toString(16)}`
  }

  add(what: string): void {
    const line = `${this.#now().toFixed(1)} ${what}`
    let hash = this.#hash
    for (let index = 0; index < line.length; index++) hash = Math.imul(hash ^ line.charCodeAt(index), 0x01000193)
    this.#hash = hash
    this.#lines[this.#count++ % KEPT] = line
  }

  last(count: number): string[] {
    const from = Math.max(0, this.#count - Math.min(count, KEPT))
    return Array.from({ length: this.#count - from }, (_, index) => this.#lines[(from + index) % KEPT] ?? '')
  }
}
