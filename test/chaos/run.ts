import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { choiceOption, numberOption, parseProgramOptions } from '../../services/local/program-options.ts'
import { runForPeople } from '../../services/local/run.ts'
import { findViolations } from './evidence/checker.ts'
import { findNotificationViolations } from './evidence/notifications.ts'
import { type Outcome, runChaos } from './run-chaos.ts'

const USAGE = `Usage: npm run chaos -- [options]

  --seed N           decides the faults and the uploads (default: from the time)
  --minutes M        how long uploads are sent (default 5)
  --rate R           uploads per second (default 20)
  --every MS         average time between two faults (default 1500)
  --api N            number of api processes (default 2)
  --workers N        number of worker processes (default 3)
  --orphans allowed  skips the sweep of orphans, and allows orphans at the end
  --notifications off  sends no notifications (default: receivers get them, of which some are dead)
  --out DIR          keeps the evidence in DIR (default: only after a violation, in .chaos/SEED)
  --check DIR        checks the evidence in DIR again, without a run
  --help`

const print = (line: string) => process.stdout.write(`${line}\n`)

function valuesOf(args: readonly string[]) {
  const [text, flag] = [{ type: 'string' }, { type: 'boolean' }] as const
  const options = {
    ...{ seed: text, minutes: text, rate: text, every: text, api: text, workers: text, orphans: text },
    notifications: text,
    ...{ out: text, check: text, help: flag },
  } as const
  return parseProgramOptions('npm run chaos --', { args, options }).values
}

type Orphans = 'swept' | 'allowed'
type Values = ReturnType<typeof valuesOf>

runForPeople(async () => {
  const values = valuesOf(process.argv.slice(2))
  const orphans = choiceOption('orphans', values.orphans ?? 'swept', ['swept', 'allowed'])
  if (values.help) print(USAGE)
  else if (values.check !== undefined) check(values.check, orphans)
  else await run(values, orphans)
})

async function run(values: Values, orphans: Orphans): Promise<void> {
  const seed = numberOption('seed', values.seed ?? String(Date.now() % 1_000_000), { min: 0 })
  const minutes = numberOption('minutes', values.minutes ?? '5', { min: 0.01, fraction: true })
  const rate = numberOption('rate', values.rate ?? '20', { min: 0.01, fraction: true })
  const everyMs = numberOption('every', values.every ?? '1500', { min: 1 })
  const slots = {
    api: numberOption('api', values.api ?? '2', { min: 1 }),
    worker: numberOption('workers', values.workers ?? '3', { min: 1 }),
  }
  const notifies = choiceOption('notifications', values.notifications ?? 'on', ['on', 'off']) === 'on'
  const outcome = await runChaos({
    ...{ notifies, seed, orphans, rate, everyMs, slots, uploads: Math.round(minutes * 60 * rate) },
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

function check(folder: string, orphans: Orphans): void {
  const read = (name: string) => JSON.parse(readFileSync(path.join(folder, name), 'utf8'))
  const [ledger, inventory] = [read('ledger.json'), read('inventory.json')]
  report([...findViolations(ledger, inventory, { orphans }), ...findNotificationViolations(ledger, inventory, 'later')])
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
