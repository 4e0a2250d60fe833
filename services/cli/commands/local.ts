import { fork } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { findPackageJSON } from 'node:module'
import path from 'node:path'
import { Type } from 'typebox'
import { defineCommand } from '../command.ts'
import { exitCodes, RefusedError, UsageError } from '../errors.ts'

/** The program of the embedded AWS: TypeScript in a clone, JavaScript in the npm package. The container image does not have it. */
const program = path.resolve(import.meta.dirname, `../../local/aws${path.extname(import.meta.filename)}`)

/** The packages of the servers. They are development dependencies, because a deployment needs none of them. */
const SERVER_PACKAGES = ['dynalite', 'fast-jwt', 'kinesis-local'] as const

/** The servers in the order of their ports. */
const SERVERS = ['s3', 'dynamodb', 'kinesis', 'cognito'] as const

/** What the embedded AWS sends once every server is ready. */
interface Ready {
  env: Record<string, string>
  /** The variables as lines for a POSIX shell. */
  exportLines: string
}

export const local = defineCommand({
  name: 'local',
  summary: 'run S3, DynamoDB, Kinesis and Cognito on this machine, and print the variables to connect to them',
  details: `Starts only the embedded AWS, without the api and the workers. The servers listen on 127.0.0.1 and verify no signatures. The
command prints the variables as export lines for a shell, or as one JSON object with --json, and runs until Ctrl-C.

The command creates Headgate's stream, buckets, table and user pool. STREAM_NAME and the other variables contain their names.
The embedded Kinesis works reliably only over HTTP/1.1: set the requestHandler of a KinesisClient to a NodeHttpHandler.`,
  options: {
    port: {
      type: 'string',
      value: 'PORT',
      description: 'the first of four ports: S3, DynamoDB, Kinesis, Cognito (default: free ports)',
    },
    data: {
      type: 'string',
      value: 'DIR',
      description: 'keep all data in DIR across restarts (default: no data is kept)',
    },
  },
  config: Type.Object({}),
  async run({ options, output }) {
    const args = [...portArguments(options.port), ...dataArguments(options.data)]
    checkInstallation()
    // In a process group of its own, Ctrl-C reaches only this process, which then stops the servers once. The channel tells the servers
    // if this process is killed.
    const child = fork(program, args, { detached: true, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    child.on('message', (message: Ready) => {
      output.item(message.env, message.exportLines)
      output.note('The embedded AWS is running. Paste the lines above into another terminal. Ctrl-C stops it.')
    })
    const stop = () => child.kill('SIGTERM')
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
    for (const signal of signals) process.on(signal, stop)
    const { promise, resolve, reject } = Promise.withResolvers<number | null>()
    child.once('error', reject)
    child.once('exit', resolve)
    const code = await promise.finally(() => {
      for (const signal of signals) process.off(signal, stop)
    })
    return code === 0 ? exitCodes.done : exitCodes.failed
  },
})

function portArguments(text: string | undefined): string[] {
  if (text === undefined) return []
  const first = Number(text)
  const maxFirst = 65_535 - (SERVERS.length - 1)
  if (!/^\d{1,5}$/.test(text) || first < 1 || first > maxFirst) {
    throw new UsageError(`--port must be a port from 1 to ${maxFirst}, not '${text}'. See: headgate local --help`)
  }
  return SERVERS.flatMap((server, index) => [`--${server}-port`, String(first + index)])
}

function dataArguments(folder: string | undefined): string[] {
  if (folder === undefined) return []
  if (folder === '') throw new UsageError('--data must not be empty. See: headgate local --help')
  return [`--data=${folder}`]
}

/** @throws RefusedError if the embedded AWS or one of its packages is not installed */
function checkInstallation(): void {
  if (!existsSync(program)) {
    throw new RefusedError('The container image has no embedded AWS. Use the npm package or a clone of the repository.')
  }
  const missing = SERVER_PACKAGES.filter(name => !isInstalled(name))
  if (missing.length === 0) return
  const own = findPackageJSON(import.meta.url)
  const { devDependencies } = JSON.parse(readFileSync(own ?? '', 'utf8')) as { devDependencies: Record<string, string> }
  const wanted = missing.map(name => `${name}@${devDependencies[name] ?? 'latest'}`)
  throw new RefusedError(
    `The embedded AWS needs packages that a deployment does not. Install them first: npm install --save-dev ${wanted.join(' ')}`,
  )
}

function isInstalled(name: string): boolean {
  try {
    return findPackageJSON(name, import.meta.url) !== undefined
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND') return false
    throw error
  }
}
