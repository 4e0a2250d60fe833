import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { numberOption, parseProgramOptions } from '../../services/local/program-options.ts'
import { runForPeople } from '../../services/local/run.ts'
import { runSoak } from './run-soak.ts'

const USAGE = `Usage: npm run soak -- [options]

  --files N         files that are sent at once (default 3000)
  --seed N          what the files are (default: by the time)
  --connections N   requests in flight at a time (default 64)
  --workers N       worker processes (default 2)
  --memory MIB      memory of the api and of each worker, with their children (default 1024)
  --minutes M       how long all of it may take after the last file is sent (default 30)
  --light           leaves out the files that keep a processor for seconds
  --out DIR         keeps the logs there (default: only where something is wrong, in .soak/SEED)
  --help`

const print = (line: string) => process.stdout.write(`${line}\n`)

function valuesOf(args: readonly string[]) {
  const [text, flag] = [{ type: 'string' }, { type: 'boolean' }] as const
  const options = {
    ...{ files: text, seed: text, connections: text, workers: text, memory: text, minutes: text, out: text },
    ...{ light: flag, help: flag },
  } as const
  return parseProgramOptions('npm run soak --', { args, options }).values
}

runForPeople(async () => {
  const values = valuesOf(process.argv.slice(2))
  if (values.help) print(USAGE)
  else await run(values)
})

async function run(values: ReturnType<typeof valuesOf>): Promise<void> {
  const seed = numberOption('seed', values.seed ?? String(Date.now() % 1_000_000), { min: 0 })
  const { violations, table, logs } = await runSoak({
    seed,
    files: numberOption('files', values.files ?? '3000', { min: 1 }),
    connections: numberOption('connections', values.connections ?? '64', { min: 1 }),
    workers: numberOption('workers', values.workers ?? '2', { min: 1 }),
    limitMiB: numberOption('memory', values.memory ?? '1024', { min: 1 }),
    onlyLight: values.light === true,
    restMs: 40_000,
    timeoutMs: numberOption('minutes', values.minutes ?? '30', { min: 0.01, fraction: true }) * 60_000,
    maxInnocentMs: 2_000,
    say: line => process.stderr.write(`${line}\n`),
  })
  print(table)
  print('')
  for (const violation of violations) print(`- ${violation}`)
  print(violations.length === 0 ? `seed ${seed}: everything held` : `seed ${seed}: ${violations.length} violations`)
  const folder = values.out ?? path.join('.soak', String(seed))
  if (values.out !== undefined || violations.length > 0) {
    mkdirSync(folder, { recursive: true })
    for (const [name, log] of Object.entries(logs))
      writeFileSync(path.join(folder, `${name.replace(' ', '-')}.log`), log)
    print(`logs: ${folder}`)
  }
  if (violations.length > 0) process.exitCode = 1
}
