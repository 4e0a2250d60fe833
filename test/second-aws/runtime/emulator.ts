import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import type { Test } from 'tap'
import { findQuietPort } from '../../../services/local/ports.ts'
import { plainEnv } from './image-folder.ts'

const HOST = '127.0.0.1'
/** The path of the emulator's only operation, Invoke. It always names the function `function`. */
const INVOKE = '/2015-03-31/functions/function/invocations'

export interface EmulatorSettings {
  /** The image's `app` folder, as {@link layOutImage} creates it. */
  app: string
  /** For example `dist/services/api/lambda.handler`. */
  handler: string
  /** The function's own variables. */
  env: Readonly<Record<string, string>>
  /** The function's time-out, in seconds. @default 30 */
  timeoutSeconds?: number
}

export interface Invocation<Answer> {
  answer: Answer
  /** The time from the call to the complete response, in milliseconds. */
  ms: number
}

/** A function of the image under AWS's runtime interface emulator, one execution environment for all calls. */
export interface EmulatedFunction {
  /**
   * Invokes the function and resolves to what it returned. Calls wait for each other: an execution environment has one at a time. The
   * first call also starts the function, as the emulator starts nothing before.
   *
   * @throws FunctionError if the function failed, timed out or did not start
   */
  invoke<Answer>(event: unknown): Promise<Invocation<Answer>>
  /** What the function and the emulator have written so far. */
  output(): string
}

/** The emulator's answer says that the function failed, and not what the function returned. */
export class FunctionError extends Error {
  override readonly name = 'FunctionError'
  readonly errorType: string
  /** The time from the call to the complete response, in milliseconds. */
  readonly ms: number

  constructor(errorType: string, message: string, ms: number) {
    super(message)
    this.errorType = errorType
    this.ms = ms
  }
}

/** Starts aws-lambda-rie with a function of the image, for as long as the test. */
export async function startEmulated(t: Pick<Test, 'teardown'>, settings: EmulatorSettings): Promise<EmulatedFunction> {
  const { app, handler, env, timeoutSeconds = 30 } = settings
  const [port, apiPort] = [await findQuietPort(HOST), await findQuietPort(HOST)]
  const addresses = [
    ...['--runtime-interface-emulator-address', `${HOST}:${port}`],
    ...['--runtime-api-address', `${HOST}:${apiPort}`],
  ]
  const command = ['node', `${app}/dist/services/lambda-start.js`, handler]
  const child = spawn('aws-lambda-rie', ['--log-level', 'warn', ...addresses, ...command], {
    cwd: app,
    env: {
      ...plainEnv(),
      NODE_ENV: 'production',
      // As in the Dockerfile.
      NODE_OPTIONS: '--max-semi-space-size=2',
      AWS_LAMBDA_FUNCTION_NAME: 'headgate',
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '1769',
      AWS_LAMBDA_FUNCTION_TIMEOUT: String(timeoutSeconds),
      // AWS sets this for an image that is not one of AWS's own; the image has nothing there.
      LAMBDA_TASK_ROOT: '/var/task',
      AWS_EC2_METADATA_DISABLED: 'true',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A process group of its own: the function is the emulator's child, and is killed with it.
    detached: true,
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', text => {
      output += text
    })
  const closed = once(child, 'close')
  t.teardown(async () => {
    killGroup(child)
    await closed
  })
  await accepting(port, child)

  const url = `http://${HOST}:${port}${INVOKE}`
  let previous: Promise<unknown> = Promise.resolve()
  return {
    invoke<Answer>(event: unknown) {
      const call = previous.then(() => invoke<Answer>(url, event))
      previous = call.catch(() => undefined)
      return call
    },
    output: () => output,
  }
}

async function invoke<Answer>(url: string, event: unknown): Promise<Invocation<Answer>> {
  const startedAt = performance.now()
  const response = await fetch(url, { method: 'POST', body: JSON.stringify(event) })
  const text = await response.text()
  const ms = Math.round(performance.now() - startedAt)
  const answer = parse(text)
  if (isFailure(answer)) throw new FunctionError(answer.errorType, answer.errorMessage, ms)
  if (response.status !== 200 || answer === undefined)
    throw new FunctionError('NoAnswer', `The emulator responded with ${response.status}: ${text}`, ms)
  return { answer: answer as Answer, ms }
}

/** Returns undefined for text that is not JSON: the emulator reports a time-out as plain text. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isFailure(answer: unknown): answer is { errorType: string; errorMessage: string } {
  return typeof answer === 'object' && answer !== null && 'errorType' in answer && 'errorMessage' in answer
}

/** Resolves once the emulator listens. There is no event for that: it prints nothing. */
async function accepting(port: number, child: ChildProcess): Promise<void> {
  for (let tries = 1; ; tries++) {
    const socket = connect(port, HOST)
    try {
      await once(socket, 'connect')
      return
    } catch (cause) {
      if (child.exitCode !== null || tries === 500) throw new Error('aws-lambda-rie does not listen.', { cause })
      await wait(20)
    } finally {
      socket.destroy()
    }
  }
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch (error) {
    // ESRCH: the whole group has ended by itself.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}
