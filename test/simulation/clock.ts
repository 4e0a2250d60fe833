/** A future event. A cancelled event does not happen. */
export interface Timer {
  readonly at: number
  cancelled: boolean
}

interface Event extends Timer {
  readonly order: number
  readonly run: () => void
}

/**
 * Virtual time in milliseconds. It stands still while code runs, and jumps to the next event when all code waits.
 *
 * The code under test consists only of promises. So one turn of the event loop between two events drains its
 * continuations: Node runs every microtask, and those that it creates, before a `setImmediate`. An event that wakes
 * nothing needs no turn.
 */
export class VirtualTime {
  #now = 0
  #events = 0
  #woken = false
  readonly #heap: Event[] = []

  get now(): number {
    return this.#now
  }

  /** Number of events so far. */
  get events(): number {
    return this.#events
  }

  /** Schedules `run`. Events of the same time happen in the order in which they were scheduled. */
  at(time: number, run: () => void): Timer {
    const event = { at: Math.max(time, this.#now), order: this.#order++, run, cancelled: false }
    this.#push(event)
    return event
  }
  #order = 0

  /** Called when an event resolves a promise of the code under test. */
  woke(): void {
    this.#woken = true
  }

  /** Runs events until that time, or until `isDone`, which is checked before each event. */
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
