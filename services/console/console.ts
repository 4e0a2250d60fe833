import { randomBytes } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import Fastify, { type FastifyInstance } from 'fastify'
import { systemClock } from '../consumer/clock.ts'
import { ConsumerAdmin, ConsumerError } from '../consumer/index.ts'
import { createKinesisStream } from '../consumer/kinesis/kinesis-stream.ts'
import type { AwsClients } from '../platform/aws.ts'
import { version } from '../platform/version.ts'
import { createNotificationStore } from '../uploads/notifications/notification-store.ts'
import { createUploadStore } from '../uploads/records/store.ts'
import { createDeadLetterArchive } from '../worker/dead-letters/archive.ts'
import { openArchives } from '../worker/notifications/undelivered.ts'
import { ConsoleStartError } from './errors.ts'
import { explainFailure } from './explain-failure.ts'
import { guardRequests, PUBLIC, rejectMalformed } from './guard.ts'
import { contentTypeOf, loadPageFiles, type PageFiles } from './page-files.ts'
import { deadLettersRoutes } from './routes/dead-letters.ts'
import { addLiveRoutes } from './routes/live.ts'
import { notificationsRoutes } from './routes/notifications.ts'
import { pauseRoutes } from './routes/pause.ts'
import { recordsRoutes } from './routes/records.ts'
import { replayRoutes } from './routes/replay.ts'
import { trailRoutes } from './routes/trail.ts'
import { type UploadsAccess, uploadsRoutes } from './routes/uploads.ts'
import type { About, DoctorResult } from './snapshot.ts'
import { paceReads } from './watch/paced-stream.ts'
import { Watcher } from './watch/watcher.ts'

export interface ConsoleSettings {
  clients: Pick<AwsClients, 'kinesis' | 'dynamodb' | 's3'>
  region: string
  streamName: string
  applicationName: string
  /** The failover time of the workers, in milliseconds. */
  failoverMs: number
  /** The name of the operator, which a pause shows to others. */
  operator: string
  /** The bucket of the dead letters. Undefined: the page has no dead letters. */
  deadLetters?: { bucket: string } | undefined
  /** The table of the uploads. Read for dead letters, and for the steps of an upload. */
  uploadsTable: string
  /** Undefined: the page has no uploads. */
  uploads?: UploadsAccess | undefined
  /** The pages /metrics of the api and of the workers. */
  metricsUrls?: readonly string[] | undefined
  /** Runs the checks of `headgate doctor`. Undefined: the page has no doctor. */
  doctor?: (() => Promise<readonly DoctorResult[]>) | undefined
  /**
   * The address to listen on. Another one than the loopback address is for a container whose port is published on the loopback address
   * of the host under the same number.
   *
   * @default 127.0.0.1
   */
  host?: string | undefined
  /** 0 selects a free port. */
  port: number
  /** Routes that change something exist only with this. */
  allowChanges: boolean
  /** Called with an error that is a bug. */
  onError(error: Error): void
}

export interface Console {
  /** The address to open. It contains the token, after `#`, where no server and no log sees it. */
  url: string
  /** Ends all requests, also those that wait. */
  close(): Promise<void>
}

const REQUEST_TIMEOUT_MS = 30_000
const TOKEN_BYTES = 32
/** The page shows what only its user may see. */
const LOOPBACK = '127.0.0.1'

/**
 * Starts the console: a web server on the loopback address with the caller's own credentials.
 *
 * @throws ConsoleStartError if the port is in use, or the page cannot be built
 */
export async function startConsole(settings: ConsoleSettings): Promise<Console> {
  const { clients, streamName, applicationName, failoverMs, allowChanges } = settings
  const { kinesis, dynamodb, s3 } = clients
  const page = await loadPageFiles()
  const token = randomBytes(TOKEN_BYTES).toString('base64url')
  const closing = new AbortController()
  const stream = paceReads(
    createKinesisStream({
      kinesis,
      streamName,
      requestTimeoutMs: REQUEST_TIMEOUT_MS,
      onFallback: () => undefined, // Reading works as well without CBOR, only slower.
    }),
    systemClock,
  )
  const admin = new ConsumerAdmin({ applicationName, streamName, kinesis, dynamodb }, { stream })
  const common = { streamName, applicationName, failoverMs, stream, clock: systemClock }
  const deadLetters = settings.deadLetters && {
    ...settings.deadLetters,
    archive: createDeadLetterArchive({ s3, bucket: settings.deadLetters.bucket, stream: streamName }),
  }
  const { metricsUrls = [], doctor, host = LOOPBACK, uploads, uploadsTable: table } = settings
  const store = createUploadStore({ dynamodb, table })
  const watcher = new Watcher({ ...common, admin, deadLetters, metricsUrls, wallClock: Date.now })
  const app = Fastify({
    forceCloseConnections: true,
    frameworkErrors: rejectMalformed,
  }).withTypeProvider<TypeBoxTypeProvider>()
  guardRequests(app, token)
  addPage(app, page)
  addErrorHandler(app, settings)
  addLiveRoutes(app, { about: aboutOf(settings), watcher, closing: closing.signal })
  if (doctor) app.get('/api/doctor', async () => ({ results: await doctor() }))
  await app.register(recordsRoutes, { ...common, allowChanges, kinesis, watcher, closing: closing.signal })
  await app.register(replayRoutes, { admin, failoverMs, allowChanges })
  if (allowChanges) await app.register(pauseRoutes, { admin, by: settings.operator })
  if (deadLetters) {
    const { bucket, archive } = deadLetters
    const deps = { streamName, bucket, archive, store, kinesis, allowChanges, closing: closing.signal }
    await app.register(deadLettersRoutes, deps)
    const archives = openArchives({ s3, dynamodb, bucket, table })
    await app.register(notificationsRoutes, { archives, bucket, table, allowChanges, closing: closing.signal })
  }
  if (uploads) {
    await app.register(trailRoutes, { access: uploads, table, store: createNotificationStore({ dynamodb, table }) })
    await app.register(uploadsRoutes, { access: uploads, allowChanges, closing: closing.signal })
  }
  try {
    await app.listen({ host, port: settings.port })
  } catch (cause) {
    throw new ConsoleStartError(`The console cannot listen on port ${settings.port}: ${messageOf(cause)}`, { cause })
  }
  const { port } = app.server.address() as AddressInfo
  return {
    url: `http://${LOOPBACK}:${port}/#t=${token}`,
    async close() {
      watcher.close()
      closing.abort()
      await app.close()
    },
  }
}

function aboutOf(settings: ConsoleSettings): About {
  const { streamName, applicationName, region, failoverMs, allowChanges, uploads, doctor } = settings
  const { deadLetters, uploadsTable } = settings
  return {
    streamName,
    applicationName,
    region,
    failoverMs,
    allowChanges,
    version: version(),
    uploads: uploads ? { apiUrl: uploads.apiUrl, user: uploads.user } : null,
    deadLetters: deadLetters ? { bucket: deadLetters.bucket } : null,
    notifications: deadLetters ? { bucket: deadLetters.bucket, table: uploadsTable } : null,
    hasDoctor: doctor !== undefined,
  }
}

function addPage(app: FastifyInstance, page: PageFiles): void {
  for (const [name, body] of page) {
    // A new version of the page must not wait for a cache.
    const headers = { 'content-type': contentTypeOf(name), 'cache-control': 'no-cache' }
    const url = name === 'index.html' ? '/' : `/${name}`
    app.get(url, { config: PUBLIC }, async (_request, reply) => reply.headers(headers).send(body))
  }
  app.get('/favicon.ico', { config: PUBLIC }, async (_request, reply) => reply.code(204).send())
}

function addErrorHandler(app: FastifyInstance, { streamName, uploads, onError }: ConsoleSettings): void {
  app.setNotFoundHandler(async (_request, reply) => {
    return reply
      .code(404)
      .send({ title: 'There is nothing here.', advice: 'Open the address that the console printed.' })
  })
  app.setErrorHandler(async (error: Error & { statusCode?: number; validation?: unknown }, _request, reply) => {
    // The errors of the consumer say what is not possible, such as a replay of a shard that has expired.
    const { statusCode = error instanceof ConsumerError ? 409 : 500 } = error
    if (statusCode < 500) return reply.code(statusCode).send({ title: error.message, advice: '' })
    const isFromAws = '$metadata' in error || '$fault' in error
    // The api does not respond.
    if (error.message === 'fetch failed' && uploads) {
      return reply
        .code(502)
        .send({ title: `Nothing responds at ${uploads.apiUrl}.`, advice: 'Check whether the api runs.' })
    }
    if (!isFromAws) onError(error)
    const target = { action: 'The request', resource: `the stream '${streamName}'` }
    return reply.code(isFromAws ? 502 : 500).send(explainFailure(error, target))
  })
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
