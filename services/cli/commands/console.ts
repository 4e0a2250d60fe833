import { hostname, userInfo } from 'node:os'
import open from 'open'
import { Type } from 'typebox'
import { startConsole } from '../../console/console.ts'
import type { UploadsAccess } from '../../console/routes/uploads.ts'
import { workerConfigSchema } from '../../platform/config/worker.ts'
import { withAws } from '../aws.ts'
import { defineCommand } from '../command.ts'
import { doctorOf } from '../doctor/from-environment.ts'
import { UsageError } from '../errors.ts'
import { defaultProfile, profileOption, tokenSource } from '../session/connect.ts'
import { streamNameOf, untilInterrupted } from './stream/stream.ts'

const config = Type.Object({
  ...Type.Pick(workerConfigSchema, [
    'AWS_REGION',
    'STREAM_NAME',
    'APPLICATION_NAME',
    'FAILOVER_TIME_MS',
    'UPLOADS_TABLE',
  ]).properties,
  PROCESSED_BUCKET: Type.Optional(workerConfigSchema.properties.PROCESSED_BUCKET),
  METRICS_URLS: Type.Optional(
    Type.String({ description: 'The pages /metrics of the api and of the workers, separated by commas.' }),
  ),
})

// The command has the name of a global variable, which this file does not use.
export const console = defineCommand({
  name: 'console',
  summary: 'show the stream, the workers and your uploads in a browser',
  details: `Starts a web server on 127.0.0.1 and prints its address. The console reads the stream and the lease table with your own
credentials, for any application of @headgate/consumer or of KCL. It runs until Ctrl-C.

If PROCESSED_BUCKET is set, the page also shows the dead letters. With a profile of \`headgate login\` or API_URL and API_TOKEN, the page also shows the uploads of that user.

With --metrics or METRICS_URLS, the overview shows what is accepted, processed and failed a second, and how long it takes. They are the pages
/metrics of the api (ADMIN_PORT) and of the workers (HEALTH_PORT), as this machine reaches them.

The address contains a token, and only its holder sees data. Without --allow-changes, the console changes nothing.

While the page is open, the console scans the lease table every two seconds and reads each shard at most once a second, and all shards
together at most ten times a second. A shard allows 5 reads a second for all its readers.`,
  options: {
    stream: { type: 'string', value: 'NAME', description: 'the stream (default: STREAM_NAME)' },
    application: {
      type: 'string',
      value: 'NAME',
      description: 'the application, which is also the name of its lease table (default: APPLICATION_NAME)',
    },
    ...profileOption,
    metrics: {
      type: 'string',
      multiple: true,
      value: 'URL',
      description: 'a page of metrics of the api or of a worker. Can be given several times (default: METRICS_URLS)',
    },
    port: { type: 'string', value: 'PORT', description: 'the port of the web server (default: a free port)' },
    'allow-changes': { type: 'boolean', description: 'let the page change something, such as put a test record' },
    open: { type: 'boolean', description: 'open the page in the default browser' },
  },
  config,
  async run({ options, config, env, output }) {
    const streamName = streamNameOf(options.stream, config)
    const applicationName = applicationOf(options.application) ?? config.APPLICATION_NAME
    const { PROCESSED_BUCKET: bucket } = config
    const port = portOf(options.port)
    const metricsUrls = metricsUrlsOf(options.metrics ?? config.METRICS_URLS?.split(',') ?? [])
    return await untilInterrupted(interrupted =>
      withAws(config, async clients => {
        const uploads = await findUploads(env, options.profile, output.note)
        const ofThis = { ...env, STREAM_NAME: streamName, APPLICATION_NAME: applicationName }
        const running = await startConsole({
          clients,
          region: config.AWS_REGION,
          streamName,
          applicationName,
          failoverMs: config.FAILOVER_TIME_MS,
          operator: `${userInfo().username}@${hostname()}`,
          deadLetters: bucket === undefined ? undefined : { bucket },
          uploadsTable: config.UPLOADS_TABLE,
          uploads,
          metricsUrls,
          doctor: doctorOf({ env: ofThis, aws: clients, uploads }),
          port,
          allowChanges: options['allow-changes'] === true,
          onError: error => output.note(`A request of the page failed: ${error.stack ?? error.message}`),
        })
        try {
          output.item({ url: running.url }, running.url)
          output.note('Open this address in a browser of this machine. Ctrl-C ends the console.')
          if (options.open) await open(running.url)
          await new Promise<void>(resolve => interrupted.addEventListener('abort', () => resolve(), { once: true }))
        } finally {
          await running.close()
        }
        return undefined
      }),
    )
  },
})

/** Returns the access to the api that the command line or the environment selects. Undefined if they select none. */
async function findUploads(
  env: NodeJS.ProcessEnv,
  profile: string | undefined,
  onNote: (note: string) => void,
): Promise<UploadsAccess | undefined> {
  const isChosen = profile ?? (env.API_URL || env.API_TOKEN || (await defaultProfile(env)))
  if (!isChosen) return undefined
  const { url: apiUrl, profile: user = null, getToken } = await tokenSource(env, profile, onNote)
  return { apiUrl, user, getToken }
}

/** @throws UsageError */
function applicationOf(name: string | undefined): string | undefined {
  if (name === undefined || /^[a-zA-Z0-9_.-]{3,255}$/.test(name)) return name
  throw new UsageError(
    `'${name}' is not the name of an application: 3 to 255 letters, digits, '_', '.' and '-', as of a DynamoDB table.`,
  )
}

/** @throws UsageError */
function metricsUrlsOf(texts: readonly string[]): string[] {
  return texts
    .map(text => text.trim())
    .filter(text => text !== '')
    .map(text => {
      if (/^https?:\/\//.test(text) && URL.canParse(text)) return text
      throw new UsageError(`'${text}' is not the URL of a page of metrics, such as http://127.0.0.1:8080/metrics.`)
    })
}

/** @throws UsageError */
function portOf(text: string | undefined): number {
  if (text === undefined) return 0
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535) {
    throw new UsageError(`--port must be a port from 0 to 65535, not '${text}'.`)
  }
  return Number(text)
}
