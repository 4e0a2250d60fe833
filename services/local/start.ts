/** `npm start`: the whole pipeline on this machine, one upload through it, and then it stays up. */
import { createLogger } from '../platform/log.ts'
import { closeOnSignal } from '../platform/shutdown.ts'
import { parseStartFlags, START_USAGE, type StartSettings } from './flags.ts'
import { once } from './once.ts'
import { watchParent } from './parent.ts'
import { ApiNotReadyError } from './pipeline/errors.ts'
import { type LogFiles, openLogFiles } from './pipeline/log-files.ts'
import { type Pipeline, startPipeline } from './pipeline/pipeline.ts'
import { handsOnText, resultText, stepLine } from './pipeline/report.ts'
import { signInDemoUser, tryOut } from './pipeline/try-out.ts'
import { runForPeople } from './run.ts'

const WORKERS = 2
const DEFAULT_PORT = 3000
const DEMO_TIMEOUT_MS = 30_000
/** Over what the parts of a stop may take together, each within its own bound. */
const STOP_TIMEOUT_MS = 40_000

runForPeople(async () => {
  const flags = parseStartFlags(process.argv.slice(2))
  if (flags.help) console.log(START_USAGE)
  else await run(flags)
})

async function run(flags: StartSettings): Promise<void> {
  const logs = flags.verbose ? undefined : openLogFiles(flags.dataDir, console.error)
  console.log('Headgate: the whole pipeline on this machine\n')
  const failure = Promise.withResolvers<Error>()
  const starting = startPipeline({
    port: flags.port ?? (flags.once ? 0 : DEFAULT_PORT),
    workers: WORKERS,
    // A run with --once is a check, which fails if anything dies.
    restart: !flags.once,
    dataDir: flags.dataDir,
    logTo: name => logs?.open(name) ?? (line => console.log(`[${name}] ${line}`)),
    onFailure: failure.resolve,
    onNotice: console.error,
  })
  const stop = once(async () => {
    // A pipeline that did not start has stopped itself, and its error is thrown below.
    const [{ value: pipeline }] = (await Promise.allSettled([starting])) as [{ value?: Pipeline }]
    await pipeline?.stop()
    await logs?.close()
  })
  let interrupted = false
  const parent = watchParent(() => process.kill(process.pid, 'SIGTERM'))
  closeOnSignal({
    timeoutMs: STOP_TIMEOUT_MS,
    log: createLogger({ level: 'error', role: 'start' }),
    close: async () => {
      interrupted = true
      // Ctrl-C ends the parent as well, and a second signal would end this at once.
      parent.stop()
      console.log('\nStopping: the workers, then the api, then the embedded AWS.')
      await stop()
      logs?.discard()
      // Cut short is not passed.
      if (flags.once) process.exit(1)
    },
  })

  try {
    const pipeline = await starting
    process.on('exit', () => pipeline.kill())
    await serve(pipeline, { ...flags, logs, failed: failure.promise })
    await stop()
    logs?.discard()
    process.exit(0)
  } catch (error) {
    // Whatever fails once everything is being stopped fails because of that.
    if (interrupted) return
    await stop()
    if (logs?.hasLines()) console.error(`The logs are in ${logs.dir}\n`)
    throw error
  }
}

interface Serving {
  once: boolean
  logs: LogFiles | undefined
  failed: Promise<Error>
}

/** Shows that the pipeline works. Then, unless that is all, resolves never. @throws ApiNotReadyError, what ended by itself, and with `once` what the demo throws */
async function serve(pipeline: Pipeline, { once: onlyOnce, logs, failed }: Serving): Promise<void> {
  const say = (step: string, found: string) => console.log(stepLine(step, found))
  const death = failed.then((error): never => {
    throw error
  })
  say('aws', 'S3, DynamoDB, Kinesis and Cognito are up')
  if (logs && !onlyOnce) say('logs', logs.dir)
  const demo = tryOut(pipeline, { timeoutMs: DEMO_TIMEOUT_MS, onStep: say }).catch((error: unknown) => {
    if (onlyOnce || error instanceof ApiNotReadyError) throw error
    // A transform of a person's own may well refuse the demo text.
    console.error(`\nThe demo upload did not come through: ${messageOf(error)}\nEverything else stays up.\n`)
    return undefined
  })
  const result = await Promise.race([demo, death])
  if (result) console.log(resultText(result, performance.now()))
  if (onlyOnce) return
  const token = result?.token ?? (await Promise.race([signInDemoUser(pipeline), death]))
  console.log(handsOnText({ ...pipeline, token, result }))
  await death
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message
}
