import { runForPeople } from '../services/local/run.ts'
import { entries } from './entries/index.ts'
import { benchUsage, parseBenchFlags } from './lib/flags.ts'
import { toReport, toText } from './lib/report.ts'

/** Runs the benchmarks. Figures go to stdout, progress to stderr. */
runForPeople(async () => {
  const flags = parseBenchFlags(process.argv.slice(2), entries)
  if (flags.help) return console.log(benchUsage(entries))

  const { rounds, quick, minutes, shapes, json } = flags
  for (const name of flags.entries) {
    const entry = entries.find(one => one.name === name)
    const measured =
      (await entry?.run({
        rounds,
        quick,
        minutes,
        ...(shapes && { shapes }),
        progress: line => console.error(line),
      })) ?? []
    for (const measurements of [measured].flat()) {
      console.log(json ? JSON.stringify(toReport(measurements)) : `\n${toText(measurements)}\n`)
    }
  }
})
