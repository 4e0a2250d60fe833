/** The console of `npm start`, in a process of its own: if it ends, the pipeline keeps running. */
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

const config = Type.Pick(workerConfigSchema, [
  'AWS_REGION',
  'STREAM_NAME',
  'APPLICATION_NAME',
  'FAILOVER_TIME_MS',
  'PROCESSED_BUCKET',
  'UPLOADS_TABLE',
])

const CLOSE_TIMEOUT_MS = 3_000

/** Tokens of the embedded Cognito are valid for an hour. */
const TOKEN_MS = 50 * 60_000

runMain(async () => {
  const { AWS_REGION: region, STREAM_NAME, APPLICATION_NAME, ...settings } = loadConfig(config, process.env)
  const { FAILOVER_TIME_MS, PROCESSED_BUCKET, UPLOADS_TABLE } = settings
  const log = createLogger({ level: 'info', role: 'console' })
  const clients = createAwsClients({ region, maxSockets: 32 })
  const uploads = demoAccess(process.env)
  const console = await startConsole({
    clients,
    region,
    streamName: STREAM_NAME,
    applicationName: APPLICATION_NAME,
    failoverMs: FAILOVER_TIME_MS,
    port: 0,
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
  // The log must not contain the token.
  log.info('the console listens')
  const ready: ConsoleReady = { consoleUrl: console.url }
  process.send?.(ready)
})

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
