import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import type { SeedRange, SeedResults } from './seeds.ts'

const PROGRAM = join(import.meta.dirname, 'seeds-process.ts')
/** Small enough that all processes end at about the same time. */
export const SEEDS_AT_ONCE = 25

export interface SeedPoolSettings {
  readonly range: SeedRange
  readonly processes: number
  /** Called for each started process. */
  onStarted(pid: number | undefined): void
  /** Called for each part of the range that has been run. */
  onResults(results: SeedResults): void
}

/**
 * Runs a range of seeds in several processes. Each takes further seeds when it has finished the previous ones.
 *
 * After a failure, no seed above the failed one is started, and all seeds below it are run. So the lowest failing seed
 * is found regardless of the number of processes.
 */
export class SeedPool {
  readonly #settings: SeedPoolSettings
  readonly #children = new Set<ChildProcess>()
  #next: number
  #end: number

  constructor(settings: SeedPoolSettings) {
    const { first, count } = settings.range
    this.#settings = settings
    this.#next = first
    this.#end = first + count
  }

  /**
   * Resolves when every seed has been run.
   *
   * @throws Error if a process ended before its seeds did
   */
  async run(): Promise<void> {
    try {
      const { processes, range } = this.#settings
      const useful = Math.min(processes, Math.ceil(range.count / SEEDS_AT_ONCE))
      await Promise.all(Array.from({ length: useful }, () => this.#work()))
    } finally {
      this.stop()
    }
  }

  /** Ends all processes at once. */
  stop(): void {
    for (const child of this.#children) child.kill('SIGKILL')
  }

  async #work(): Promise<void> {
    const child = fork(PROGRAM)
    this.#children.add(child)
    this.#settings.onStarted(child.pid)
    for (let range = this.#take(); range; range = this.#take()) {
      const results = await resultsOf(child, range)
      const failed = results.failed[0]
      if (failed && !range.all) this.#end = Math.min(this.#end, failed.seed)
      this.#settings.onResults(results)
    }
    this.#children.delete(child)
    child.disconnect() // The process ends when it is disconnected.
  }

  #take(): SeedRange | undefined {
    const first = this.#next
    const count = Math.min(SEEDS_AT_ONCE, this.#end - first)
    if (count <= 0) return undefined
    this.#next += count
    return { ...this.#settings.range, first, count }
  }
}

function resultsOf(child: ChildProcess, range: SeedRange): Promise<SeedResults> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null, signal: string | null) => {
      const seeds = `${range.first} to ${range.first + range.count - 1}`
      reject(new Error(`The process that ran the seeds ${seeds} ended by ${signal ?? `code ${code}`}.`))
    }
    child.once('exit', onExit)
    child.once('message', (results: SeedResults) => {
      child.off('exit', onExit)
      resolve(results)
    })
    child.send(range)
  })
}
