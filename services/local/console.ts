/** The console of `npm start` and of compose, in a process of its own: if it ends, the pipeline keeps running. */
import { Type } from 'typebox'
import { doctorOf } from '../cli/doctor/from-environment.ts'
import { startConsole } from '../console/console.ts'
import type { UploadsAccess } from '../console/routes/uploads.ts'
import { createAwsClients } from '../platform/aws.ts'
import { loadConfig } from '../platform/config/load.ts'
import { workerConfigSchema } from '../platform/config/worker.ts'
import { createLogger } from '../platform/log.ts'
import { runMain } from '../platform/main.ts'
import { closeOnSignal } from '../platform/shutdown.ts'
import { account } from './account.ts'
import { signIn } from './cognito-wire.ts'
import type { ConsoleReady } from './pipeline/console-child.ts'
import { findPort, isPortTaken } from './ports.ts'

const config = Type.Object({
  ...Type.Pick(workerConfigSchema, [
    'AWS_REGION',
    'STREAM_NAME',
    'APPLICATION_NAME',
    'FAILOVER_TIME_MS',
    'PROCESSED_BUCKET',
    'UPLOADS_TABLE',
  ]).properties,
  // In a container, the port is published under the same number on the loopback address of the host.
  CONSOLE_HOST: Type.String({ default: '127.0.0.1' }),
  CONSOLE_PORT: Type.Integer({ minimum: 0, maximum: 65_535, default: 0 }),
})

const CLOSE_TIMEOUT_MS = 3_000

/** Tokens of the embedded Cognito are valid for an hour. */
const TOKEN_MS = 50 * 60_000

runMain(async () => {
  const { AWS_REGION: region, STREAM_NAME, APPLICATION_NAME, ...settings } = loadConfig(config, process.env)
  const { FAILOVER_TIME_MS, PROCESSED_BUCKET, UPLOADS_TABLE, CONSOLE_HOST: host, CONSOLE_PORT } = settings
  const log = createLogger({ level: 'info', role: 'console' })
  const clients = createAwsClients({ region, maxSockets: 32 })
  const uploads = demoAccess(process.env)
  const console = await startConsole({
    clients,
    region,
    streamName: STREAM_NAME,
    applicationName: APPLICATION_NAME,
    failoverMs: FAILOVER_TIME_MS,
    host,
    port: await portOf(host, CONSOLE_PORT),
    operator: `${account.demoUser.username} in the console`,
    deadLetters: { bucket: PROCESSED_BUCKET },
    uploadsTable: UPLOADS_TABLE,
    uploads,
    metricsUrls: process.env.METRICS_URLS?.split(',').filter(Boolean),
    doctor: doctorOf({ env: process.env, aws: clients, uploads }),
    // The data of the embedded AWS is there to try things out.
    allowChanges: true,
    onError: err => log.error({ err }, 'a request of the page failed'),
  })
  closeOnSignal({
    timeoutMs: CLOSE_TIMEOUT_MS,
    log,
    async close() {
      await console.close()
      clients.destroy()
    },
  })
  // The log of npm start must not contain the token. In a container, the log is the only place to show it.
  log.info('the console listens')
  const ready: ConsoleReady = { consoleUrl: console.url }
  if (process.send) process.send(ready)
  else process.stdout.write(`Console: ${console.url}\n`)
})

/** Returns the port, or 0 if another program uses it: a second `npm start` has a console too. */
async function portOf(host: string, port: number): Promise<number> {
  try {
    return await findPort(host, port)
  } catch (error) {
    if (process.send && isPortTaken(error)) return 0
    throw error
  }
}

/** Uploads as the demo user. */
function demoAccess({ API_URL: apiUrl, COGNITO_ISSUER: issuer, COGNITO_CLIENT_ID: clientId }: NodeJS.ProcessEnv) {
  if (!apiUrl || !issuer || !clientId) return undefined
  const { demoUser } = account
  let current: { token: string; until: number } | undefined
  return {
    apiUrl,
    user: demoUser.username,
    async getToken({ rejected }) {
      if (current && current.token !== rejected && current.until > Date.now()) return current.token
      const { idToken } = await signIn(new URL(issuer).origin, { clientId, ...demoUser })
      current = { token: idToken, until: Date.now() + TOKEN_MS }
      return idToken
    },
  } satisfies UploadsAccess
}
