import { homedir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { buildTestApi, createTestUser } from '../api/support.ts'
import { type Scope, withScope } from '../chaos/world/scope.ts'
import { startAws } from '../support/aws.ts'
import { runProgram } from '../support/processes.ts'
import { CorpusUnavailableError } from './corpora/fetch-package.ts'
import { corpora } from './corpora/index.ts'
import { runCorpus } from './corpora/run-corpus.ts'
import { type CorpusResult, describe } from './corpora/table.ts'
import type { FieldClient } from './send-case.ts'

const USAGE = `npm run field -- [options]

  --only NAME       one corpus: ${corpora.map(({ name }) => name).join(', ')}
  --cache DIR       where the packages are kept (default ~/.cache/headgate-field)
  --connections N   files in flight at a time (default 16)
  --refused         lists the refused files too, each with its reason
  --minutes M       how long all of it may take (default 30)
`

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    cache: { type: 'string', default: path.join(homedir(), '.cache/headgate-field') },
    connections: { type: 'string', default: '16' },
    minutes: { type: 'string', default: '30' },
    refused: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) process.stdout.write(USAGE)
else process.exitCode = await withScope(run)

/** Resolves to the exit code: 1 if an item has an unexplained wrong result, or if a process ended. */
async function run(scope: Scope): Promise<number> {
  const chosen = corpora.filter(({ name }) => values.only === undefined || name === values.only)
  if (chosen.length === 0) throw new Error(`There is no corpus "${values.only}".`)
  const { client, worker } = await startPipeline(scope)
  const results = await Promise.race([runAll(client, chosen), expired(scope)])
  const { text, unexplained } = describe(results, { withRefused: values.refused })
  process.stdout.write(`${text}\n`)
  const hasEnded = worker.child.exitCode !== null || worker.child.signalCode !== null
  if (hasEnded) process.stdout.write(`The worker ended: ${worker.stderr().slice(-2_000)}\n`)
  return unexplained > 0 || hasEnded ? 1 : 0
}

async function runAll(client: FieldClient, chosen: typeof corpora): Promise<CorpusResult[]> {
  const results: CorpusResult[] = []
  for (const corpus of chosen) {
    process.stderr.write(`${corpus.name}: compared with ${corpus.reader}\n`)
    results.push(await resultOf(client, corpus))
  }
  return results
}

/** @throws Error after the maximum duration of the run */
function expired(scope: Scope): Promise<never> {
  return new Promise((_, reject) => {
    const error = new Error(`The run took longer than ${values.minutes} minutes.`)
    const limit = setTimeout(reject, Number(values.minutes) * 60_000, error)
    scope.teardown(() => clearTimeout(limit))
  })
}

async function resultOf(client: FieldClient, corpus: (typeof corpora)[number]): Promise<CorpusResult> {
  try {
    const settings = { cache: path.resolve(values.cache), connections: Number(values.connections) }
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
