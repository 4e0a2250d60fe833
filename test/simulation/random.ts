/**
 * Reproducible random numbers: the same seed and name give the same numbers (sfc32, with its state derived from both by
 * splitmix32).
 */
export class SeededRandom {
  readonly #state: Uint32Array

  constructor(seed: number, name = '') {
    this.#state = Uint32Array.of(mixed(seed), mixed(Math.floor(seed / 0x1_0000_0000)), hashOf(name), 1)
    for (let round = 0; round < 15; round++) this.next()
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

/**
 * The random numbers of a run. Each feature draws from its own stream, named after the feature. So a new feature, or one
 * that draws more often, does not change the numbers of the others, and a seed remains the same run without it.
 */
export class RandomStreams {
  readonly #seed: number
  readonly #streams = new Map<string, SeededRandom>()

  constructor(seed: number) {
    this.#seed = seed
  }

  /** Returns the stream of a feature. It continues where its last user stopped. */
  of(name: string): SeededRandom {
    const stream = this.#streams.get(name) ?? new SeededRandom(this.#seed, name)
    this.#streams.set(name, stream)
    return stream
  }
}

function mixed(word: number): number {
  let z = (word + 0x9e3779b9) | 0
  z = Math.imul(z ^ (z >>> 16), 0x85ebca6b)
  z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35)
  return (z ^ (z >>> 16)) >>> 0
}

function hashOf(name: string): number {
  let hash = 0
  for (let index = 0; index < name.length; index++) hash = mixed(hash ^ name.charCodeAt(index))
  return hash
}
