import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { runSoak } from './run-soak.ts'

const USAGE = `npm run soak -- [options]

  --files N         files that are sent at once (default 3000)
  --seed N          what the files are (default: by the time)
  --connections N   requests in flight at a time (default 64)
  --workers N       worker processes (default 2)
  --memory MIB      memory of the api and of each worker, with their children (default 1024)
  --minutes M       how long all of it may take after the last file is sent (default 30)
  --light           leaves out the files that keep a processor for seconds
  --out DIR         keeps the logs there (default: only where something is wrong, in .soak/SEED)
`

const { values } = parseArgs({
  options: {
    files: { type: 'string', default: '3000' },
    seed: { type: 'string' },
    connections: { type: 'string', default: '64' },
    workers: { type: 'string', default: '2' },
    memory: { type: 'string', default: '1024' },
    minutes: { type: 'string', default: '30' },
    light: { type: 'boolean', default: false },
    out: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})
const print = (line: string) => process.stdout.write(`${line}\n`)

if (values.help) print(USAGE)
else await run()

async function run(): Promise<void> {
  const seed = Number(values.seed ?? Date.now() % 1_000_000)
  const { violations, table, logs } = await runSoak({
    seed,
    files: Number(values.files),
    connections: Number(values.connections),
    workers: Number(values.workers),
    limitMiB: Number(values.memory),
    onlyLight: values.light,
    restMs: 40_000,
    timeoutMs: Number(values.minutes) * 60_000,
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
