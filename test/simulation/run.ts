import { availableParallelism } from 'node:os'
import { numberOption, parseProgramOptions } from '../../services/local/program-options.ts'
import { runForPeople } from '../../services/local/run.ts'
import { SEEDS_AT_ONCE, SeedPool } from './seed-pool.ts'
import { type FailedSeed, runSeeds, type SeedRange, type SeedResults } from './seeds.ts'

const USAGE = `Usage: npm run sim -- [options]

Runs the consumer over models of Kinesis and DynamoDB in virtual time, with faults, and checks its invariants.

  --seeds N   number of runs, with consecutive seeds (default 2000)
  --seed N    the first seed (default 1)
  --jobs N    number of processes (default: one for each core)
  --trace N   number of lines of the trace to print for a failed run (default 60)
  --twice     runs every seed twice and compares the traces
  --all       continues after a failed seed, and counts the failed seeds
  --help`

/** Milliseconds between two reports of progress. */
const PROGRESS_MS = 10_000

const print = (line: string) => process.stdout.write(`${line}\n`)

interface Settings {
  readonly range: SeedRange
  readonly processes: number
  readonly traceLines: number
}

/** Returns undefined if the user asks for help. */
function settingsOf(args: readonly string[]): Settings | undefined {
  const [number, flag] = [{ type: 'string' }, { type: 'boolean' }] as const
  const options = {
    seeds: number,
    seed: number,
    jobs: number,
    trace: number,
    twice: flag,
    all: flag,
    help: flag,
  } as const
  const { values } = parseProgramOptions('npm run sim --', { args, options })
  if (values.help) return undefined
  const { seeds = '2000', seed = '1', jobs = String(availableParallelism()), trace = '60' } = values
  return {
    range: {
      first: numberOption('seed', seed, { min: 0 }),
      count: numberOption('seeds', seeds, { min: 1 }),
      twice: values.twice === true,
      all: values.all === true,
    },
    processes: numberOption('jobs', jobs, { min: 1 }),
    traceLines: numberOption('trace', trace, { min: 0 }),
  }
}

/** The results of all seeds so far. */
class Results {
  readonly failed: FailedSeed[] = []
  readonly #startedAt = performance.now()
  readonly #count: number
  #seeds = 0
  #events = 0
  #lasted = 0
  #memoryBytes = 0

  /** @param count number of seeds to run */
  constructor(count: number) {
    this.#count = count
  }

  add(results: SeedResults): void {
    this.#seeds += results.seeds
    this.#events += results.events
    this.#lasted += results.lasted
    this.#memoryBytes = Math.max(this.#memoryBytes, results.memoryBytes)
    this.failed.push(...results.failed)
    // A long run would otherwise keep its failures for itself until its end.
    for (const { seed, violation } of results.failed) {
      process.stderr.write(`seed ${seed} breaks invariant ${violation?.invariant ?? SAME_TRACE}\n`)
    }
  }

  /** Returns the progress, with the maximum memory of any process since the last call. */
  progress(): string {
    const perSecond = this.#seeds / ((performance.now() - this.#startedAt) / 1_000)
    const memory = `${(this.#memoryBytes / 1024 ** 2).toFixed()} MiB`
    this.#memoryBytes = 0
    return `${this.#seeds} of ${this.#count} seeds, ${perSecond.toFixed(1)} a second, ${memory}`
  }

  /** Prints the failed seeds by their invariants. */
  reportFailed(): void {
    const byInvariant = Map.groupBy(this.failed, ({ violation }) => violation?.invariant ?? SAME_TRACE)
    for (const [invariant, broken] of byInvariant) {
      const some = broken.slice(0, 12).map(({ seed }) => seed)
      print(`invariant ${invariant} broken by seeds ${some.join(' ')}: ${broken.length}`)
    }
  }

  /** Prints the failed seeds, the first one with its trace, or what held. */
  report({ range, traceLines }: Settings): void {
    this.failed.sort((a, b) => a.seed - b.seed)
    const [first] = this.failed
    if (first && !range.all) describe(first, traceLines)
    this.reportFailed()
    if (this.failed.length > 0) process.exitCode = 1
    else {
      const virtual = `${(this.#lasted / 60_000).toFixed()} min of virtual time`
      print(`${this.#seeds} seeds hold: ${this.#events} events, ${virtual}`)
    }
  }
}

const SAME_TRACE = 'of a trace that is the same each time'

async function inProcesses({ range, processes }: Settings, results: Results): Promise<void> {
  const onStarted = (pid: number | undefined) => process.stderr.write(`process ${pid} runs seeds\n`)
  const pool = new SeedPool({ range, processes, onStarted, onResults: more => results.add(more) })
  const reporting = setInterval(() => process.stderr.write(`${results.progress()}\n`), PROGRESS_MS)
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    process.once(signal, () => {
      pool.stop()
      print(`stopped: ${results.progress()}`)
      results.reportFailed()
      process.exit(code)
    })
  }
  try {
    await pool.run()
  } finally {
    clearInterval(reporting)
  }
}

function describe({ seed, violation, hash, trace }: FailedSeed, traceLines: number): void {
  for (const line of traceLines === 0 ? [] : trace.slice(-traceLines)) print(line)
  if (violation) print(`\nseed ${seed} breaks invariant ${violation.invariant}: ${violation.what} (trace ${hash})`)
  else print(`\nseed ${seed} is not deterministic: ${hash}`)
  print(`replay: npm run sim -- --seeds 1 --seed ${seed} --trace 400`)
}

runForPeople(async () => {
  const settings = settingsOf(process.argv.slice(2))
  if (!settings) return void print(USAGE)
  const results = new Results(settings.range.count)
  if (settings.range.count <= SEEDS_AT_ONCE) results.add(await runSeeds(settings.range))
  else await inProcesses(settings, results)
  results.report(settings)
})
