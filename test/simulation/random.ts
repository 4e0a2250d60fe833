/**
 * Reproducible random numbers: the same seed gives the same numbers (sfc32, with its state derived from the seed by
 * splitmix32).
 */
export class SeededRandom {
  readonly #state: Uint32Array

  constructor(seed: number) {
    let mixed = seed | 0
    const spread = () => {
      mixed = (mixed + 0x9e3779b9) | 0
      let z = mixed
      z = Math.imul(z ^ (z >>> 16), 0x85ebca6b)
      z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35)
      return (z ^ (z >>> 16)) >>> 0
    }
    this.#state = Uint32Array.of(spread(), spread(), spread(), 1)
    for (let round = 0; round < 12; round++) this.next()
  }

  /** Returns a number in [0, 1). A field, so that it can be passed on as a port. */
  readonly next = (): number => {
    const [a = 0, b = 0, c = 0, counter = 0] = this.#state
    const sum = (a + b + counter) | 0
    this.#state[0] = b ^ (b >>> 9)
    this.#state[1] = (c + (c << 3)) | 0
    this.#state[2] = (((c << 21) | (c >>> 11)) + sum) | 0
    this.#state[3] = counter + 1
    return (sum >>> 0) / 0x1_0000_0000
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }

  between(least: number, most: number): number {
    return least + this.next() * (most - least)
  }

  /** Returns an integer, with both bounds included. */
  integer(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1))
  }

  pick<T>(items: readonly T[]): T | undefined {
    return items[Math.floor(this.next() * items.length)]
  }
}
