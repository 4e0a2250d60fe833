import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import path from 'node:path'
import { EmbeddedAwsError } from '../errors.ts'
import { sibling } from '../sibling.ts'
import { readLines } from '../tail.ts'
import { type FromKinesis, labels, PERSIST_FILE, STOP, variables } from './kinesis-messages.ts'
import type { EmbeddedServer, ServerSettings } from './server.ts'

export interface KinesisSettings extends ServerSettings {
  /** The server ended by itself after its start. */
  onFailure(error: Error): void
  startTimeoutMs?: number
  stopTimeoutMs?: number
}

export interface KinesisServer extends EmbeddedServer {
  readonly pid: number | undefined
}

/**
 * Kinesis, by kinesis-local, in a process of its own that ends when this one does, however it ends.
 *
 * @throws the system's error where the port is taken; EmbeddedAwsError where the process ends or is silent
 */
export async function startKinesis(settings: KinesisSettings): Promise<KinesisServer> {
  const child = fork(sibling(import.meta, 'kinesis-child'), {
    env: environment(settings),
    // Not this process's own, which may be for its own program alone.
    execArgv: [],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  const outputs = [readLines(child.stdout), readLines(child.stderr)]
  const tail = () => outputs.map(output => output()).join('\n')
  const exited = once(child, 'exit')
  let stopping = false
  const port = await listening(child, { ...settings, tail }).catch(async error => {
    child.kill('SIGKILL')
    await exited
    throw error
  })
  child.once('exit', (code, signal) => {
    if (!stopping) settings.onFailure(ended(code, signal, tail()))
  })

  return {
    port,
    pid: child.pid,
    async stop() {
      stopping = true
      if (child.exitCode !== null || child.signalCode !== null) return
      const kill = setTimeout(() => child.kill('SIGKILL'), settings.stopTimeoutMs ?? 12_000)
      child.send(STOP)
      await exited
      clearTimeout(kill)
    },
  }
}

interface Start {
  tail(): string
  startTimeoutMs?: number
}

/** Resolves to the port, once the server listens on it. */
function listening(child: ChildProcess, { tail, startTimeoutMs = 30_000 }: Start): Promise<number> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => settle(() => reject(silent(startTimeoutMs, tail()))), startTimeoutMs)
    const onMessage = (message: unknown) => {
      const answer = message as FromKinesis
      if (answer.type === 'listening') settle(() => resolve(answer.port))
      else settle(() => reject(Object.assign(new Error(answer.message), { code: answer.code })))
    }
    const onExit = (code: number | null, signal: string | null) => settle(() => reject(ended(code, signal, tail())))
    const onError = (error: Error) => settle(() => reject(error))
    function settle(act: () => void): void {
      clearTimeout(timer)
      child.off('message', onMessage).off('exit', onExit).off('error', onError)
      act()
    }
    child.on('message', onMessage).on('exit', onExit).on('error', onError)
  })
}

function ended(code: number | null, signal: string | null, tail: string): EmbeddedAwsError {
  return new EmbeddedAwsError(
    `The embedded Kinesis ended by itself (${signal ?? `exit code ${code}`}).\n${tail}`.trim(),
  )
}

function silent(ms: number, tail: string): EmbeddedAwsError {
  return new EmbeddedAwsError(`The embedded Kinesis did not listen within ${ms} ms.\n${tail}`.trim())
}

const TRANSITIONS = [
  'CREATE_STREAM_DURATION',
  'DELETE_STREAM_DURATION',
  'REGISTER_STREAM_CONSUMER_DURATION',
  'DEREGISTER_STREAM_CONSUMER_DURATION',
  'START_STREAM_ENCRYPTION_DURATION',
  'STOP_STREAM_ENCRYPTION_DURATION',
  'MERGE_SHARDS_DURATION',
  'SPLIT_SHARD_DURATION',
  'UPDATE_SHARD_COUNT_DURATION',
  'UPDATE_STREAM_MODE_DURATION',
]

function environment({ host, port, dataDir }: ServerSettings): NodeJS.ProcessEnv {
  const program = createRequire(import.meta.url).resolve('kinesis-local')
  return {
    ...process.env,
    ...Object.fromEntries(TRANSITIONS.map(name => [name, '10ms'])),
    NODE_OPTIONS: '',
    [variables.host]: host,
    [variables.port]: String(port),
    KINESIS_MOCK_PLAIN_PORT: String(labels.plain),
    KINESIS_MOCK_TLS_PORT: String(labels.tls),
    KINESIS_MOCK_CERT_PATH: path.join(path.dirname(program), 'server.json'),
    LOG_LEVEL: 'ERROR',
    ROOT_LOG_LEVEL: 'ERROR',
    SHARD_LIMIT: '500',
    SHOULD_PERSIST_DATA: String(dataDir !== undefined),
    LOAD_DATA_IF_EXISTS: 'true',
    PERSIST_PATH: dataDir ?? '',
    PERSIST_FILE_NAME: PERSIST_FILE,
    PERSIST_INTERVAL: '1s',
  }
}
