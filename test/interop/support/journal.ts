import { compareSequence } from '../../../services/consumer/checkpoint.ts'

/** A record in the hands of a worker, once: a record that two workers handled is there twice. */
export interface Handling {
  readonly worker: string
  readonly shardId: string
  readonly sequenceNumber: string
  /** `key:n`, n counting the records of the key from 0 in the order they were put. */
  readonly text: string
  /** Microseconds since the epoch, by the clock that all workers of this machine share. */
  readonly atMicros: number
}

/** A shard in the hands of a worker, from the checkpoint that it found in the table on. */
export interface Tenure {
  readonly worker: string
  readonly shardId: string
  readonly checkpoint: string
  readonly handlings: Handling[]
}

/** Everything that any worker handled, and what must hold of it. */
export class Journal {
  readonly handlings: Handling[] = []
  readonly tenures: Tenure[] = []
  readonly #done = new Set<string>()

  begin(tenure: Omit<Tenure, 'handlings'>): void {
    this.tenures.push({ ...tenure, handlings: [] })
  }

  add(handling: Handling): void {
    this.handlings.push(handling)
    this.#done.add(handling.text)
    const { worker, shardId } = handling
    this.tenures.findLast(each => each.worker === worker && each.shardId === shardId)?.handlings.push(handling)
  }

  missing(put: readonly string[]): string[] {
    return put.filter(text => !this.#done.has(text))
  }

  of(worker: string): Handling[] {
    return this.handlings.filter(each => each.worker === worker)
  }

  /** The last sequence number of a shard that a worker has handled. */
  last(worker: string, shardId: string): string | undefined {
    return ordered(this.of(worker).filter(each => each.shardId === shardId)).at(-1)
  }

  /** Records of a key that were handled before an earlier one of it was, each for the first time. */
  disorders(): string[] {
    const first = this.#firstHandlings()
    return [...first.values()].flatMap(({ text, atMicros }) => {
      const [key, n] = text.split(':')
      const before = first.get(`${key}:${Number(n) - 1}`)
      return before && before.atMicros > atMicros ? [text] : []
    })
  }

  /** Records of a child shard that were handled before every record of its parent had been, for the first time. */
  early(child: string, parent: string): string[] {
    const first = [...this.#firstHandlings().values()]
    const ended = Math.max(...first.filter(each => each.shardId === parent).map(each => each.atMicros))
    return first.filter(each => each.shardId === child && each.atMicros < ended).map(each => each.text)
  }

  /** Tenures whose first record is not the very next behind the checkpoint that the worker found: a gap, or a repetition. */
  misplaced(): Tenure[] {
    return this.tenures.filter(({ shardId, checkpoint, handlings }) => {
      const [begun] = ordered(handlings)
      if (begun === undefined) return false
      const shard = ordered(this.handlings.filter(each => each.shardId === shardId))
      const from = /^\d+$/.test(checkpoint) ? shard.indexOf(checkpoint) + 1 : 0
      return shard[from] !== begun
    })
  }

  /** How many records a worker handled that another one, or the same, had handled before, by the two workers. */
  repeats(): Map<string, number> {
    const first = this.#firstHandlings()
    const repeats = new Map<string, number>()
    for (const handling of this.handlings) {
      const before = first.get(handling.text)
      if (!before || before === handling) continue
      const pair = `${before.worker}, then ${handling.worker}`
      repeats.set(pair, (repeats.get(pair) ?? 0) + 1)
    }
    return repeats
  }

  #firstHandlings(): Map<string, Handling> {
    const first = new Map<string, Handling>()
    for (const handling of this.handlings) {
      const known = first.get(handling.text)
      if (!known || handling.atMicros < known.atMicros) first.set(handling.text, handling)
    }
    return first
  }
}

/** The sequence numbers, each once, in the order of the shard. */
function ordered(handlings: readonly Handling[]): string[] {
  return [...new Set(handlings.map(each => each.sequenceNumber))].sort(compareSequence)
}
