/** An event to come; a cancelled one does not happen. */
export interface Timer {
  readonly at: number
  cancelled: boolean
}

interface Event extends Timer {
  readonly order: number
  readonly run: () => void
}

/**
 * Virtual time in milliseconds: it stands still while code runs and jumps to the next event when all of it waits.
 *
 * The code under test is promises and nothing else, so that between two events its continuations are drained by one turn of
 * the event loop: Node runs every microtask, and those that they make, before it comes to a `setImmediate`. An event that
 * wakes nobody needs no turn.
 */
export class VirtualTime {
  #now = 0
  #events = 0
  #woken = false
  readonly #heap: Event[] = []

  get now(): number {
    return this.#now
  }

  /** How many events have happened. */
  get events(): number {
    return this.#events
  }

  /** Has `run` happen then; events of one time happen in the order in which they were asked for. */
  at(time: number, run: () => void): Timer {
    const event = { at: Math.max(time, this.#now), order: this.#order++, run, cancelled: false }
    this.#push(event)
    return event
  }
  #order = 0

  /** To be told whenever an event resolves a promise of the code under test. */
  woke(): void {
    this.#woken = true
  }

  /** Lets events happen until that time, or until `isDone`, asked before each. */
  run(until: number, isDone: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const turn = () => {
        try {
          do {
            this.#woken = false
            if (isDone()) return resolve()
            if (!this.#step(until)) return resolve()
          } while (!this.#woken)
          setImmediate(turn)
        } catch (error) {
          reject(error)
        }
      }
      setImmediate(turn)
    })
  }

  #step(until: number): boolean {
    let next = this.#heap[0]
    while (next?.cancelled) {
      this.#pop()
      next = this.#heap[0]
    }
    if (!next || next.at > until) {
      this.#now = Math.max(this.#now, until)
      return false
    }
    this.#pop()
    this.#now = next.at
    this.#events++
    next.run()
    return true
  }

  #push(event: Event): void {
    const heap = this.#heap
    let index = heap.push(event) - 1
    while (index > 0) {
      const above = (index - 1) >> 1
      const parent = heap[above]
      if (!parent || isBefore(parent, event)) break
      heap[index] = parent
      index = above
    }
    heap[index] = event
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (!last || heap.length === 0) return
    let index = 0
    for (;;) {
      const left = heap[2 * index + 1]
      const right = heap[2 * index + 2]
      if (!left) break
      const [least, at] = right && isBefore(right, left) ? [right, 2 * index + 2] : [left, 2 * index + 1]
      if (isBefore(last, least)) break
      heap[index] = least
      index = at
    }
    heap[index] = last
  }
}

const isBefore = (a: Event, b: Event) => a.at < b.at || (a.at === b.at && a.order < b.order)
