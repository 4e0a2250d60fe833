import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { SEEDS_AT_ONCE, SeedPool } from './seed-pool.ts'
import { type FailedSeed, runSeeds, type SeedRange, type SeedResults } from './seeds.ts'

const { values } = parseArgs({
  options: {
    /** Number of runs, with consecutive seeds. */
    seeds: { type: 'string', default: '2000' },
    /** The first seed. */
    seed: { type: 'string', default: '1' },
    /** Number of processes. */
    jobs: { type: 'string', default: String(availableParallelism()) },
    /** Number of lines of the trace to print for a failed run. */
    trace: { type: 'string', default: '60' },
    /** Runs every seed twice and compares the traces. */
    twice: { type: 'boolean', default: false },
    /** Continues after a failed seed, and counts. */
    all: { type: 'boolean', default: false },
  },
})

/** Milliseconds between two reports of progress. */
const PROGRESS_MS = 10_000

/** @throws RangeError if the option is not a whole number, or too small */
function wholeNumber(name: 'seeds' | 'seed' | 'jobs' | 'trace', least: number): number {
  const number = Number(values[name])
  if (Number.isSafeInteger(number) && number >= least) return number
  throw new RangeError(`--${name} is ${values[name]} but must be a whole number of at least ${least}.`)
}

const print = (line: string) => process.stdout.write(`${line}\n`)
const range: SeedRange = {
  first: wholeNumber('seed', 0),
  count: wholeNumber('seeds', 1),
  twice: values.twice,
  all: values.all,
}
const processes = wholeNumber('jobs', 1)
const traceLines = wholeNumber('trace', 0)

const startedAt = performance.now()
const failed: FailedSeed[] = []
let [seeds, events, lasted] = [0, 0, 0]
let memoryBytes = 0

function add(results: SeedResults): void {
  seeds += results.seeds
  events += results.events
  lasted += results.lasted
  memoryBytes = Math.max(memoryBytes, results.memoryBytes)
  failed.push(...results.failed)
}

/** Maximum memory of any process since the last report. */
function progress(): string {
  const perSecond = seeds / ((performance.now() - startedAt) / 1_000)
  const line = `${seeds} of ${range.count} seeds, ${perSecond.toFixed(1)} a second, ${(memoryBytes / 1024 ** 2).toFixed()} MiB`
  memoryBytes = 0
  return line
}

async function inProcesses(): Promise<void> {
  const onStarted = (pid: number | undefined) => process.stderr.write(`process ${pid} runs seeds\n`)
  const pool = new SeedPool({ range, processes, onStarted, onResults: add })
  const reporting = setInterval(() => process.stderr.write(`${progress()}\n`), PROGRESS_MS)
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    process.once(signal, () => {
      pool.stop()
      print(`stopped: ${progress()}`)
      process.exit(code)
    })
  }
  try {
    await pool.run()
  } finally {
    clearInterval(reporting)
  }
}

function report({ seed, violation, hash, trace }: FailedSeed): void {
  for (const line of traceLines === 0 ? [] : trace.slice(-traceLines)) print(line)
  if (violation) print(`\nseed ${seed} breaks invariant ${violation.invariant}: ${violation.what} (trace ${hash})`)
  else print(`\nseed ${seed} is not deterministic: ${hash}`)
  print(`replay: npm run sim -- --seeds 1 --seed ${seed} --trace 400`)
}

if (range.count <= SEEDS_AT_ONCE) add(await runSeeds(range))
else await inProcesses()

failed.sort((a, b) => a.seed - b.seed)
const [first] = failed
if (first && !range.all) report(first)
const byInvariant = Map.groupBy(
  failed,
  ({ violation }) => violation?.invariant ?? 'of a trace that is the same each time',
)
for (const [invariant, broken] of byInvariant) {
  const some = broken.slice(0, 12).map(({ seed }) => seed)
  print(`invariant ${invariant} broken by seeds ${some.join(' ')}: ${broken.length}`)
}
if (failed.length > 0) process.exitCode = 1
else print(`${seeds} seeds hold: ${events} events, ${(lasted / 60_000).toFixed()} min of virtual time`)
