import { readFileSync } from 'node:fs'
import { docker, logsOf } from './docker.ts'
import { type RuntimeApi, startRuntimeApi } from './runtime-api.ts'

/** One environment of a Lambda function: the image as AWS runs it, with our Runtime API. */
export interface LambdaFunction extends Pick<RuntimeApi, 'invoke'> {
  /** The time from the start of the process until it first asks for an event. */
  readonly init: Spent
  /** Returns the CPU time of the process so far, in milliseconds. */
  cpuMs(): number
  stop(): Promise<void>
}

/** Milliseconds. */
export interface Spent {
  wallMs: number
  cpuMs: number
}

export interface FunctionSettings {
  image: string
  /** The handler, such as `dist/services/api/lambda.handler`. */
  handler: string
  env: Readonly<Record<string, string>>
  /** Additional options of `docker run`. */
  options?: readonly string[]
}

/** As on AWS: a user that the image does not know, and only /tmp is writable. */
const AS_ON_AWS = ['--user', '993:990', '--read-only', '--tmpfs', '/tmp', '--cap-drop', 'ALL', '--cpus', '1']
const ENTRY = ['node', '/app/dist/services/lambda-start.js'] as const
/** Ticks of the kernel's clock: `getconf CLK_TCK` is 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100

/**
 * Starts a function. Resolves at the end of its init.
 *
 * @throws InvocationError if the function cannot start
 */
export async function startFunction({ image, handler, env, options = [] }: FunctionSettings): Promise<LambdaFunction> {
  const api = await startRuntimeApi()
  const variables = {
    ...env,
    AWS_LAMBDA_RUNTIME_API: api.address,
    AWS_LAMBDA_FUNCTION_NAME: 'headgate',
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '1769',
    AWS_LAMBDA_LOG_GROUP_NAME: '/aws/lambda/headgate',
    AWS_LAMBDA_LOG_STREAM_NAME: '1',
    LAMBDA_TASK_ROOT: '/var/task',
  }
  const given = Object.entries(variables).flatMap(([name, value]) => ['--env', `${name}=${value}`])
  // On the host network, because the embedded AWS and the Runtime API listen on the loopback address.
  const run = ['run', '--detach', '--network', 'host', ...AS_ON_AWS, ...options, '--entrypoint', ENTRY[0]]
  const id = await docker(...run, ...given, image, ENTRY[1], handler)
  const stop = async () => {
    await docker('rm', '--force', id)
    await api.close()
  }
  try {
    const initializedAt = api.initialized.then(() => Date.now())
    const ended = docker('wait', id).then(async (code): Promise<never> => {
      throw new Error(`The function ended by itself with ${code}:\n${await logsOf(id)}`)
    })
    ended.catch(() => undefined)
    const at = await Promise.race([initializedAt, ended])
    const [pid = '', startedAt = ''] = (
      await docker('inspect', '--format', '{{.State.Pid}} {{.State.StartedAt}}', id)
    ).split(' ')
    const cpuMs = () => cpuOf(pid)
    const invoke = <Answer>(event: unknown) => Promise.race([api.invoke<Answer>(event), ended])
    return { init: { wallMs: at - Date.parse(startedAt), cpuMs: cpuMs() }, cpuMs, invoke, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** Returns the user and system time of all threads of a process: see proc(5). */
function cpuOf(pid: string): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return ((Number(fields[11]) + Number(fields[12])) * 1_000) / TICKS_PER_SECOND
}
