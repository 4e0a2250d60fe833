import { readFileSync } from 'node:fs'
import { docker, logsOf } from './docker.ts'
import { type RuntimeApi, startRuntimeApi } from './runtime-api.ts'

/** One environment of a Lambda function: the image as AWS runs it, on a Runtime API of ours. */
export interface LambdaFunction extends Pick<RuntimeApi, 'invoke'> {
  /** From the start of its process to its first question for an event. */
  readonly init: Spent
  /** What its process has used so far of the processors, in milliseconds. */
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
  /** `dist/services/api/lambda.handler` */
  handler: string
  env: Readonly<Record<string, string>>
  /** More of `docker run`. */
  options?: readonly string[]
}

/** As AWS does: by a user that the image does not know, with nothing to write to but /tmp. */
const AS_ON_AWS = ['--user', '993:990', '--read-only', '--tmpfs', '/tmp', '--cap-drop', 'ALL', '--cpus', '1']
const ENTRY = ['node', '/app/dist/services/lambda-start.js'] as const
/** Of the kernel's clock: `getconf CLK_TCK` is this on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100

/** Starts a function. Resolves at the end of its init. @throws InvocationError where it cannot start */
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
  // Through the network of the machine: the embedded AWS and the Runtime API are on its loopback address.
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

/** User and system time of a process, of all its threads: see proc(5). */
function cpuOf(pid: string): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return ((Number(fields[11]) + Number(fields[12])) * 1_000) / TICKS_PER_SECOND
}
