/** `npm start`: runs the whole pipeline on this machine, sends one upload through it, and keeps running. */
import { createLogger } from '../platform/log.ts'
import { enterCallersFolder } from '../platform/npm-script.ts'
import { closeOnSignal } from '../platform/shutdown.ts'
import { parseStartFlags, START_USAGE, type StartSettings } from './flags.ts'
import { once } from './once.ts'
import { watchParent } from './parent.ts'
import { type ConsoleChild, startConsoleChild } from './pipeline/console-child.ts'
import { ApiNotReadyError } from './pipeline/errors.ts'
import { writeLocalProfile } from './pipeline/local-profile.ts'
import { type LogFiles, openLogFiles } from './pipeline/log-files.ts'
import { createNotices, type Notices } from './pipeline/notices.ts'
import { type Pipeline, startPipeline } from './pipeline/pipeline.ts'
import { policiesLine } from './pipeline/policies-line.ts'
import { handsOnText, receiverCommand, resultText, stepLine } from './pipeline/report.ts'
import { signInDemoUser, tryOut } from './pipeline/try-out.ts'
import { localWebhookSecret } from './pipeline/webhook-secret.ts'
import { openTransforms } from './reload/reload.ts'
import { runForPeople } from './run.ts'

const WORKERS = 2
const DEFAULT_PORT = 3000
/** The same at each start, so that an open page finds the new console. Only a default start has it, as with the port of the api. */
const CONSOLE_PORT = 8088
const DEMO_TIMEOUT_MS = 30_000
/** Longer than the limits of all parts of a stop together. */
const STOP_TIMEOUT_MS = 40_000
const CONSOLE_STOP_TIMEOUT_MS = 2_000

runForPeople(async () => {
  enterCallersFolder('start', process.env)
  const flags = parseStartFlags(process.argv.slice(2))
  if (flags.help) console.log(START_USAGE)
  else await run(flags)
})

async function run(flags: StartSettings): Promise<void> {
  const webhook = await localWebhookSecret(process.env)
  if (webhook) process.env.WEBHOOK_SECRET = webhook.secret
  const transforms = flags.watch ? await openTransforms(process.env) : undefined
  const logs = flags.verbose ? undefined : openLogFiles(flags.dataDir, console.error)
  const notices = createNotices({ print: console.error, logs: logs?.dir })
  console.log('Headgate: the whole pipeline on this machine\n')
  const failure = Promise.withResolvers<Error>()
  let consoleChild: ConsoleChild | undefined
  const logTo = (name: string) => {
    const log = logs?.open(name) ?? (line => console.log(`[${name}] ${line}`))
    return (line: string) => {
      log(line)
      notices.onLine(name, line)
    }
  }
  const starting = startPipeline({
    port: flags.port ?? (flags.once ? 0 : DEFAULT_PORT),
    workers: WORKERS,
    // A run with --once is a check, which fails if anything dies.
    restart: !flags.once,
    hasMetrics: !flags.once,
    dataDir: flags.dataDir,
    workerEnv: transforms?.workerEnv,
    logTo,
    onFailure: failure.resolve,
    onNotice: console.error,
  })
  const stop = once(async () => {
    // A pipeline that did not start has stopped its parts itself, and its error is thrown below.
    const [{ value: pipeline }] = (await Promise.allSettled([starting])) as [{ value?: Pipeline }]
    await consoleChild?.stop(CONSOLE_STOP_TIMEOUT_MS)
    await Promise.all([transforms?.close(), pipeline?.stop()])
    notices.stop()
    await logs?.close()
  })
  let interrupted = false
  const parent = watchParent(() => process.kill(process.pid, 'SIGTERM'))
  closeOnSignal({
    timeoutMs: STOP_TIMEOUT_MS,
    log: createLogger({ level: 'error', role: 'start' }),
    close: async () => {
      interrupted = true
      // Ctrl-C ends the parent process too. A second signal would then end this process at once.
      parent.stop()
      console.log('\nStopping: the workers, then the api, then the embedded AWS.')
      await stop()
      logs?.discard()
      // An interrupted check has not passed.
      if (flags.once) process.exit(1)
    },
  })

  try {
    const pipeline = await starting
    process.on('exit', () => {
      pipeline.kill()
      consoleChild?.kill()
    })
    transforms?.watch({
      onNotice: console.log,
      async replaceWorkers(env) {
        await pipeline.replaceWorkers(env)
        notices.reset()
      },
    })
    const startConsole = () => {
      consoleChild = startConsoleChild({
        port: flags.port === undefined ? CONSOLE_PORT : 0,
        pipeline,
        logTo,
        onNotice: console.error,
      })
      return consoleChild.url
    }
    await serve(pipeline, {
      ...flags,
      logs,
      notices,
      webhookSecretFile: webhook?.file,
      failed: failure.promise,
      startConsole,
    })
    await stop()
    logs?.discard()
    process.exit(0)
  } catch (error) {
    // An error during a stop is caused by the stop.
    if (interrupted) return
    await stop()
    if (logs?.hasLines()) console.error(`The logs are in ${logs.dir}\n`)
    throw error
  }
}

interface Serving {
  once: boolean
  watch: boolean
  logs: LogFiles | undefined
  notices: Notices
  /** The file with the secret of WEBHOOK_URL. Undefined if there is no webhook, or the operator has set the secret. */
  webhookSecretFile: string | undefined
  failed: Promise<Error>
  /** Resolves to the address of the console, or to undefined if it could not start. */
  startConsole(): Promise<string | undefined>
}

/**
 * Shows that the pipeline works. Without `once`, it then never resolves.
 *
 * @throws ApiNotReadyError, the error of a process that ended by itself, and with `once` the error of the demo
 */
async function serve(pipeline: Pipeline, serving: Serving): Promise<void> {
  const { once: onlyOnce, watch, logs, notices, webhookSecretFile, failed, startConsole } = serving
  const onStep = (step: string, result: string) => console.log(stepLine(step, result))
  const death = failed.then((error): never => {
    throw error
  })
  onStep('aws', 'S3, DynamoDB, Kinesis and Cognito are up')
  if (logs && !onlyOnce) onStep('logs', logs.dir)
  const { WEBHOOK_URL: webhookUrl } = process.env
  const policies = policiesLine(process.env.UPLOAD_POLICIES)
  if (policies !== undefined) onStep('policies', policies)
  if (webhookUrl) onStep('webhook', 'notifications go to WEBHOOK_URL, which may be on this machine')
  if (webhookSecretFile !== undefined) {
    onStep('', `they are signed with the secret in ${webhookSecretFile}`)
    onStep('', `an example of a receiver: ${receiverCommand(webhookUrl ?? '', webhookSecretFile)}`)
  }
  if (watch) onStep('watch', 'when a file of your transforms is saved, the workers load it')
  // A run with --once waits: a retry may succeed.
  const isRetried = onlyOnce ? undefined : notices.isRetried
  const demo = tryOut(pipeline, { timeoutMs: DEMO_TIMEOUT_MS, onStep, isRetried }).catch((error: unknown) => {
    if (onlyOnce || error instanceof ApiNotReadyError) throw error
    // A custom transform may reject the demo text.
    console.error(`\nThe demo upload was not processed: ${messageOf(error)}\nEverything else keeps running.\n`)
    return undefined
  })
  const result = await Promise.race([demo, death])
  if (result) console.log(resultText(result, performance.now()))
  if (onlyOnce) return
  // After the upload, so that the start of the console does not slow it down.
  const consoleStarting = startConsole()
  await writeLocalProfile(pipeline, process.env).catch((error: unknown) => {
    console.error(`The profile of the headgate command was not written: ${messageOf(error)}`)
  })
  const token = result?.token ?? (await Promise.race([signInDemoUser(pipeline), death]))
  const consoleUrl = await Promise.race([consoleStarting, death])
  console.log(handsOnText({ ...pipeline, token, consoleUrl, result }))
  await death
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message
}
