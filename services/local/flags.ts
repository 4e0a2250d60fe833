import { originsOf } from './cors-origins.ts'
import type { EmbeddedAwsSettings } from './embedded-aws.ts'
import { UsageError } from './errors.ts'
import { parseProgramOptions } from './program-options.ts'

export const AWS_USAGE = `Usage: node services/local/aws.ts [options]

Runs the embedded AWS by itself: S3, DynamoDB, Kinesis, Cognito and EventBridge, with Headgate's resources.

  --host ADDRESS          listen on this address (default 127.0.0.1)
  --s3-port PORT          the port of each server (default: a free port)
  --dynamodb-port PORT
  --kinesis-port PORT
  --cognito-port PORT
  --eventbridge-port PORT
  --health-port PORT      respond to GET /healthz with 200 once everything is ready (default: no health check)
  --data DIR              keep all data in DIR across restarts (default: no data is kept)
  --issuer-origin URL     the origin in the issuer of tokens, such as http://aws:9229
  --cors-origins LIST     the origins whose pages may use S3 and Cognito from a browser, comma-separated, or * for all
                          (default: pages that this machine serves, on any port; an empty LIST: none)
  --help`

export const START_USAGE = `Usage: npm start -- [options]

Runs the whole pipeline on this machine: the embedded AWS, the api and two workers. Uploads a file and keeps running. If the
api or a worker dies, npm start reports the death and restarts the process. If the embedded AWS dies, npm start ends.

  --once         stop after the upload. Exits with 0 if the upload was processed, else with 1
  --port PORT    the port of the api (default 3000; with --once a free port)
  --data DIR     keep all data in DIR across restarts (default: no data is kept)
  --watch        load the transforms of TRANSFORMS again when one of their files is saved (default if TRANSFORMS is set;
                 not with --once). --no-watch turns it off
  --verbose      print the logs of the api and the workers
  --help`

export type AwsFlags = { help: true } | { help: false; healthPort?: number; settings: EmbeddedAwsSettings }

export type StartFlags = { help: true } | StartSettings

export interface StartSettings {
  help: false
  once: boolean
  verbose: boolean
  /** True to load the custom transforms again when one of their files is saved. */
  watch: boolean
  port?: number
  dataDir?: string
}

/** @throws UsageError */
export function parseAwsFlags(args: readonly string[]): AwsFlags {
  const text = { type: 'string' } as const
  const options = {
    host: text,
    's3-port': text,
    'dynamodb-port': text,
    'kinesis-port': text,
    'cognito-port': text,
    'eventbridge-port': text,
    'health-port': text,
    data: text,
    'issuer-origin': text,
    'cors-origins': text,
    help: { type: 'boolean' },
  } as const
  const { values } = parseProgramOptions('node services/local/aws.ts', { args, options })
  if (values.help) return { help: true }
  const port = (name: 's3' | 'dynamodb' | 'kinesis' | 'cognito' | 'eventbridge' | 'health') =>
    portOf(`${name}-port`, values[`${name}-port`])
  const healthPort = port('health')
  return {
    help: false,
    ...defined({ healthPort }),
    settings: defined({
      host: textOf('host', values.host),
      ports: defined({
        s3: port('s3'),
        dynamodb: port('dynamodb'),
        kinesis: port('kinesis'),
        cognito: port('cognito'),
      }),
      eventBridgePort: port('eventbridge'),
      dataDir: textOf('data', values.data),
      issuerOrigin: originOf(values['issuer-origin']),
      corsOrigins: listOf('cors-origins', values['cors-origins']),
    }),
  }
}

/** @throws UsageError */
export function parseStartFlags(args: readonly string[], env: NodeJS.ProcessEnv = process.env): StartFlags {
  const flag = { type: 'boolean' } as const
  const text = { type: 'string' } as const
  const options = { once: flag, verbose: flag, watch: flag, 'no-watch': flag, port: text, data: text, help: flag }
  const { values } = parseProgramOptions('npm start --', { args, options })
  if (values.help) return { help: true }
  const hasTransforms = (env.TRANSFORMS ?? '').trim() !== ''
  if (values.watch && values['no-watch']) throw new UsageError('--watch and --no-watch exclude each other.')
  if (values.watch && values.once) throw new UsageError('--watch and --once exclude each other.')
  if (values.watch && !hasTransforms) {
    throw new UsageError('--watch needs transforms to watch: set TRANSFORMS to the path of their transforms.json.')
  }
  return {
    help: false,
    once: values.once === true,
    verbose: values.verbose === true,
    watch: hasTransforms && values.once !== true && values['no-watch'] !== true,
    ...defined({ port: portOf('port', values.port), dataDir: textOf('data', values.data) }),
  }
}

function portOf(flag: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined
  const port = Number(value)
  if (/^\d{1,5}$/.test(value) && port <= 65_535) return port
  throw new UsageError(`--${flag} must be a port, 0 to 65535, not "${value}".`)
}

function textOf(flag: string, value: string | undefined): string | undefined {
  if (value === undefined) return undefined
  if (value === '') throw new UsageError(`--${flag} must not be empty.`)
  return value
}

function originOf(value: string | undefined): string | undefined {
  if (value === undefined) return undefined
  const text = value
  if (/^https?:/.test(text) && URL.canParse(text) && new URL(text).origin === text) return text
  throw new UsageError(`--issuer-origin must be an origin without a path, such as http://aws:9229, not "${text}".`)
}

function listOf(flag: string, value: string | undefined): string[] | undefined {
  return value === undefined ? undefined : originsOf(`--${flag}`, value)
}

/** Removes keys whose value is undefined, because the settings declare their optional properties without undefined. */
function defined<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as ReturnType<
    typeof defined<T>
  >
}
