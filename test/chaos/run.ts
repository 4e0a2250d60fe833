import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { findViolations } from './evidence/checker.ts'
import { type Outcome, runChaos } from './run-chaos.ts'

const USAGE = `npm run chaos -- [options]

  --seed N           decides the faults and the uploads (default: from the time)
  --minutes M        how long uploads are sent (default 5)
  --rate R           uploads per second (default 20)
  --every MS         average time between two faults (default 1500)
  --api N            number of api processes (default 2)
  --workers N        number of worker processes (default 3)
  --orphans allowed  skips the sweep of orphans, and allows orphans at the end
  --out DIR          keeps the evidence in DIR (default: only after a violation, in .chaos/SEED)
  --check DIR        checks the evidence in DIR again, without a run
`

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    minutes: { type: 'string', default: '5' },
    rate: { type: 'string', default: '20' },
    every: { type: 'string', default: '1500' },
    api: { type: 'string', default: '2' },
    workers: { type: 'string', default: '3' },
    orphans: { type: 'string', default: 'swept' },
    out: { type: 'string' },
    check: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})
const orphans = values.orphans === 'allowed' ? 'allowed' : 'swept'
const print = (line: string) => process.stdout.write(`${line}\n`)

if (values.help) print(USAGE)
else if (values.check !== undefined) check(values.check)
else await run()

async function run(): Promise<void> {
  const seed = Number(values.seed ?? Date.now() % 1_000_000)
  const { minutes, rate, every } = values
  const outcome = await runChaos({
    ...{ seed, orphans, rate: Number(rate), everyMs: Number(every) },
    uploads: Math.round(Number(minutes) * 60 * Number(rate)),
    slots: { api: Number(values.api), worker: Number(values.workers) },
    say: line => process.stderr.write(`${line}\n`),
  })
  const { violations, counts } = outcome
  print(JSON.stringify(counts))
  const folder = values.out ?? path.join('.chaos', String(seed))
  if (values.out !== undefined || violations.length > 0) keep(folder, outcome)
  report(violations)
  if (violations.length === 0) return
  const options = process.argv.slice(2).filter((option, i, all) => option !== '--seed' && all[i - 1] !== '--seed')
  print(`\nreplay: npm run chaos -- ${['--seed', seed, ...options].join(' ')}`)
  print(`evidence and logs: ${folder}; look again: npm run chaos -- --check ${folder}`)
}

function check(folder: string): void {
  const read = (name: string) => JSON.parse(readFileSync(path.join(folder, name), 'utf8'))
  report(findViolations(read('ledger.json'), read('inventory.json'), { orphans }))
}

function report(violations: readonly string[]): void {
  for (const violation of violations) print(`- ${violation}`)
  print(violations.length === 0 ? 'every guarantee held' : `${violations.length} violations`)
  if (violations.length > 0) process.exitCode = 1
}

function keep(folder: string, { ledger, inventory, logs }: Outcome): void {
  mkdirSync(folder, { recursive: true })
  writeFileSync(path.join(folder, 'ledger.json'), JSON.stringify(ledger))
  writeFileSync(path.join(folder, 'inventory.json'), JSON.stringify(inventory))
  for (const [name, log] of Object.entries(logs)) writeFileSync(path.join(folder, `${name.replace(' ', '-')}.log`), log)
}
