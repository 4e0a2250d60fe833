import { parseArgs } from 'node:util'
import { type Outcome, simulate } from './simulate.ts'

const { values } = parseArgs({
  options: {
    /** How many runs, each of the next seed. */
    seeds: { type: 'string', default: '2000' },
    /** The first seed. */
    seed: { type: 'string', default: '1' },
    /** Lines of the trace of a run that failed. */
    trace: { type: 'string', default: '60' },
    /** Runs every seed twice and compares the traces. */
    twice: { type: 'boolean', default: false },
    /** Goes on after a seed that failed, and counts. */
    all: { type: 'boolean', default: false },
  },
})

const print = (line: string) => process.stdout.write(`${line}\n`)
const first = Number(values.seed)
const seeds = Number(values.seeds)
const failures = new Map<string, number[]>()
let events = 0
let lasted = 0

for (let seed = first; seed < first + seeds; seed++) {
  const outcome = await simulate(seed)
  events += outcome.events
  lasted += outcome.lasted
  const { violation } = outcome
  if (values.twice) {
    const again = await simulate(seed)
    if (again.hash !== outcome.hash) {
      print(`seed ${seed} is not deterministic: ${outcome.hash} and ${again.hash}`)
      process.exitCode = 1
    }
  }
  if (!violation) continue
  process.exitCode = 1
  failures.set(violation.invariant, [...(failures.get(violation.invariant) ?? []), seed])
  if (values.all) continue
  report(outcome)
  break
}

for (const [invariant, failed] of failures)
  print(`invariant ${invariant} broken by seeds ${failed.slice(0, 12).join(' ')}: ${failed.length}`)
if (failures.size === 0)
  print(`${seeds} seeds hold: ${events} events, ${(lasted / 60_000).toFixed()} min of virtual time`)

function report({ seed, violation, trace, hash }: Outcome): void {
  for (const line of trace.slice(-Number(values.trace))) print(line)
  print(`\nseed ${seed} breaks invariant ${violation?.invariant}: ${violation?.what} (trace ${hash})`)
  print(`replay: npm run sim -- --seeds 1 --seed ${seed} --trace 400`)
}
