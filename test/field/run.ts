import { homedir } from 'node:os'
import path from 'node:path'
import { choiceOption, numberOption, parseProgramOptions } from '../../services/local/program-options.ts'
import { runForPeople } from '../../services/local/run.ts'
import { buildTestApi, createTestUser } from '../api/support.ts'
import { type Scope, withScope } from '../chaos/world/scope.ts'
import { startAws } from '../support/aws.ts'
import { runProgram } from '../support/processes.ts'
import { CorpusUnavailableError } from './corpora/fetch-package.ts'
import { corpora } from './corpora/index.ts'
import { runCorpus } from './corpora/run-corpus.ts'
import { type CorpusResult, describe } from './corpora/table.ts'
import type { FieldClient } from './send-case.ts'

const USAGE = `Usage: npm run field -- [options]

  --only NAME       one corpus: ${corpora.map(({ name }) => name).join(', ')}
  --cache DIR       where the packages are kept (default ~/.cache/headgate-field)
  --connections N   files in flight at a time (default 16)
  --refused         lists the refused files too, each with its reason
  --minutes M       how long all of it may take (default 30)
  --help`

interface Settings {
  only: string | undefined
  cache: string
  connections: number
  minutes: number
  refused: boolean
}

/** Returns undefined if the user asks for help. */
function settingsOf(args: readonly string[]): Settings | undefined {
  const [text, flag] = [{ type: 'string' }, { type: 'boolean' }] as const
  const options = { only: text, cache: text, connections: text, minutes: text, refused: flag, help: flag } as const
  const { values } = parseProgramOptions('npm run field --', { args, options })
  if (values.help) return undefined
  const names = corpora.map(({ name }) => name)
  return {
    only: values.only === undefined ? undefined : choiceOption('only', values.only, names),
    cache: path.resolve(values.cache ?? path.join(homedir(), '.cache/headgate-field')),
    connections: numberOption('connections', values.connections ?? '16', { min: 1 }),
    minutes: numberOption('minutes', values.minutes ?? '30', { min: 0.01, fraction: true }),
    refused: values.refused === true,
  }
}

runForPeople(async () => {
  const settings = settingsOf(process.argv.slice(2))
  if (!settings) process.stdout.write(`${USAGE}\n`)
  else process.exitCode = await withScope(scope => run(settings, scope))
})

/** Resolves to the exit code: 1 if an item has an unexplained wrong result, or if a process ended. */
async function run(settings: Settings, scope: Scope): Promise<number> {
  const { client, worker } = await startPipeline(scope)
  const results = await Promise.race([runAll(client, settings), expired(settings, scope)])
  const { text, unexplained } = describe(results, { withRefused: settings.refused })
  process.stdout.write(`${text}\n`)
  const hasEnded = worker.child.exitCode !== null || worker.child.signalCode !== null
  if (hasEnded) process.stdout.write(`The worker ended: ${worker.stderr().slice(-2_000)}\n`)
  return unexplained > 0 || hasEnded ? 1 : 0
}

async function runAll(client: FieldClient, settings: Settings): Promise<CorpusResult[]> {
  const results: CorpusResult[] = []
  for (const corpus of corpora) {
    if (settings.only !== undefined && settings.only !== corpus.name) continue
    process.stderr.write(`${corpus.name}: compared with ${corpus.reader}\n`)
    results.push(await resultOf(client, corpus, settings))
  }
  return results
}

/** @throws Error after the maximum duration of the run */
function expired({ minutes }: Settings, scope: Scope): Promise<never> {
  return new Promise((_, reject) => {
    const error = new Error(`The run took longer than ${minutes} minutes.`)
    const limit = setTimeout(reject, minutes * 60_000, error)
    scope.teardown(() => clearTimeout(limit))
  })
}

async function resultOf(
  client: FieldClient,
  corpus: (typeof corpora)[number],
  settings: Pick<Settings, 'cache' | 'connections'>,
): Promise<CorpusResult> {
  try {
    return { corpus: corpus.name, items: await runCorpus(client, corpus, settings) }
  } catch (error) {
    if (error instanceof CorpusUnavailableError) return { corpus: corpus.name, skipped: error.message }
    throw error
  }
}

async function startPipeline(scope: Scope) {
  const aws = await startAws(scope)
  const { url } = await buildTestApi(scope, aws, { env: { LOG_LEVEL: 'error' } })
  const user = await createTestUser(aws)
  const program = path.resolve(import.meta.dirname, '../../services/worker/worker.ts')
  const worker = runProgram(scope, [program], { env: { ...aws.env, LOG_LEVEL: 'error' } })
  const client: FieldClient = { url, authorization: user.auth.authorization, s3: aws.s3 }
  return { client, worker }
}
