import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import fastify, { type FastifyBaseLogger } from 'fastify'
import { type ApiConfig, issuerOf } from '../platform/config/api.ts'
import { listed } from '../platform/config/formats.ts'
import { beforeDeadline, withinDeadline } from '../platform/deadline.ts'
import { onFirstUse } from '../platform/on-first-use.ts'
import type { Tracing } from '../platform/tracing/tracing.ts'
import type { UploadStore } from '../uploads/records/store.ts'
import type { Metrics } from './admin/metrics.ts'
import { metricsPlugin } from './admin/metrics-plugin.ts'
import { createKeySource, type KeySource } from './auth/key-source.ts'
import { authPlugin } from './auth/plugin.ts'
import { routeAccess } from './auth/route-access.ts'
import { createTypeInspector } from './content/inspect-type.ts'
import type { UrlOf } from './download/downloads.ts'
import { closing } from './http/closing.ts'
import { cors } from './http/cors.ts'
import { deadlines } from './http/deadlines.ts'
import { gatewayBody } from './http/gateway-body.ts'
import { publicPath } from './http/public-path.ts'
import { createRateLimits } from './http/rate-limits.ts'
import { requestLog } from './http/request-log.ts'
import { unambiguous } from './http/request-smuggling-guard.ts'
import { routerErrors } from './http/router-errors.ts'
import { createSchemaCompilers } from './http/schema-compilers.ts'
import { securityHeaders } from './http/security-headers.ts'
import { serverOptions } from './http/server-options.ts'
import { traced } from './http/traced.ts'
import { loadFirst } from './http/warm-up.ts'
import { createUnderWay } from './ingest/in-flight.ts'
import { problemsPlugin } from './problems/plugin.ts'
import { createUpload } from './routes/create-upload.ts'
import { deleteUpload } from './routes/delete-upload.ts'
import { docs } from './routes/docs.ts'
import { getContent } from './routes/get-content.ts'
import { getOutput } from './routes/get-output.ts'
import { getProcessed } from './routes/get-processed.ts'
import { getUpload } from './routes/get-upload.ts'
import { createGiveOutput } from './routes/give-output.ts'
import { grants } from './routes/grants.ts'
import { listUploads } from './routes/list-uploads.ts'
import { livez } from './routes/livez.ts'
import { readyz } from './routes/readyz.ts'
import { tus } from './routes/tus.ts'
import { uploadEvents } from './routes/upload-events.ts'
import { toSight } from './routes/upload-view.ts'
import type { ApiServices } from './services.ts'
import { createWatches } from './watch/watches.ts'

export interface AppOptions {
  config: ApiConfig
  /** Called for the first request that needs them, once. Closed with the app. */
  services(): Promise<ApiServices>
  logger: FastifyBaseLogger
  /** Left out, the keys of the configured issuer. */
  keys?: KeySource
  /** Left out, nothing is counted. */
  metrics?: Metrics
  /** Left out, nothing is traced. */
  tracing?: Tracing | undefined
  /** Answers leave whole, as behind Lambda: nothing can be streamed. */
  isBuffered?: boolean
}

export type App = Awaited<ReturnType<typeof buildApp>>

/** The api, ready to listen or to be called: the same in a container and behind Lambda. */
export async function buildApp({ config, services, logger, keys, metrics, tracing, isBuffered = false }: AppOptions) {
  const compilers = createSchemaCompilers()
  const app = fastify({
    ...serverOptions(config),
    schemaController: { compilersFactory: compilers.compilersFactory },
    loggerInstance: logger,
  }).withTypeProvider<TypeBoxTypeProvider>()
  const issuer = issuerOf(config)
  const underWay = createUnderWay()
  const inspector = createTypeInspector(listed(config.ALLOWED_TYPES))
  const patience = { minBytesPerSecond: config.MIN_BODY_BYTES_PER_SECOND, graceMs: config.SLOW_BODY_GRACE_MS }
  const backend = onFirstUse(async () => {
    const [{ createBackend }, opened] = await Promise.all([import('./backend.ts'), services()])
    return createBackend({ config, services: opened, inspector, patience, log: app.log, metrics, tracing })
  })
  // Runs once the requests under way are answered, or broken off.
  app.addHook('onClose', async () => {
    await underWay.ended()
    await (await backend.ifUsed())?.close()
  })

  await app.register(problemsPlugin)
  await app.register(routeAccess)
  // First of the hooks: what the others do is done within the request's span.
  if (tracing) await app.register(traced, { tracing })
  await app.register(deadlines, { withinMs: config.ANSWER_TIMEOUT_MS })
  await app.register(requestLog)
  if (metrics) await app.register(metricsPlugin, { metrics })
  const origins = listed(config.CORS_ORIGINS)
  await app.register(securityHeaders, { isShared: origins.length > 0 })
  if (origins.length > 0) await app.register(cors, { origins })
  await app.register(publicPath, { path: config.PUBLIC_PATH })
  await app.register(closing)
  await app.register(unambiguous)
  await app.register(routerErrors)
  await app.register(gatewayBody)
  await app.register(loadFirst, { load: () => Promise.all([compilers.load(), backend(), import('get-jwks')]) })
  await app.register(docs)
  await app.register(authPlugin, {
    issuer,
    clientId: config.COGNITO_CLIENT_ID,
    keys: keys ?? createKeySource({ issuer }),
    limits: await createRateLimits(app, {
      perOwner: config.RATE_LIMIT_PER_OWNER,
      perAddress: config.RATE_LIMIT_PER_ADDRESS,
      windowMs: config.RATE_LIMIT_WINDOW_MS,
    }),
    required: {
      read: { scopes: listed(config.READ_SCOPES), groups: listed(config.READ_GROUPS) },
      write: { scopes: listed(config.WRITE_SCOPES), groups: listed(config.WRITE_GROUPS) },
    },
  })

  if (!config.KEY_TEMPLATE.includes('{uploadId}')) {
    app.log.warn({ template: config.KEY_TEMPLATE }, 'keys are flat: uploads of the same name overwrite each other')
  }
  await app.register(createUpload, {
    acceptAll: (files, options) => underWay.track(backend().then(({ acceptAll }) => acceptAll(files, options))),
    acceptOnce: (files, request) => underWay.track(backend().then(({ acceptOnce }) => acceptOnce(files, request))),
    ...(metrics && { onAccepted: metrics.accepted }),
    arriving: {
      inspector,
      maxJsonBytes: config.MAX_JSON_BYTES,
      maxFormFiles: config.MAX_FORM_FILES,
      maxFileBytes: config.MAX_UPLOAD_BYTES,
      patience,
    },
  })
  await app.register(grants, {
    grants: {
      create: async (announced, log) => (await backend()).grants.create(announced, log),
      renew: async key => (await backend()).grants.renew(key),
      complete: async (key, log) => (await backend()).grants.complete(key, log),
    },
    grantOnce: async (announced, key, log) => (await backend()).grantOnce(announced, key, log),
    maxJsonBytes: config.MAX_JSON_BYTES,
    patience,
  })
  await app.register(tus, { serve: async request => (await backend()).tus(request) })
  await app.register(listUploads, { list: async query => (await backend()).listUploads(query) })

  const store: Pick<UploadStore, 'get'> = { get: async (key, signal) => (await backend()).store.get(key, signal) }
  const watches = createWatches({
    look: async (key, signal) => {
      // For all that wait: within nobody's span, and nobody's deadline.
      const look = () => withinDeadline(undefined, () => store.get(key, signal))
      const record = await (tracing ? tracing.within(undefined, look) : look())
      return record && toSight(record)
    },
    log: app.log,
  })
  // Before the server waits for its connections to end: those who wait here would hold that up.
  app.addHook('preClose', async () => watches.close())
  await app.register(getUpload, { store, watches })
  await app.register(uploadEvents, { store, watches, isBuffered: isBuffered || config.EVENT_STREAMS === 'whole' })
  await app.register(deleteUpload, {
    deletions: {
      begin: async key => (await backend()).deletions.begin(key),
      complete: async deleted => (await backend()).deletions.complete(deleted),
    },
    endPending: async (key, log) => (await backend()).endPending(key, log),
    watches,
  })
  const urlOf: UrlOf = async download => (await backend()).urlOf(download)
  await app.register(getContent, { store, urlOf })
  const giveOutput = createGiveOutput({
    urlOf,
    results: { get: async (upload, name, uploadId) => (await backend()).results.get(upload, name, uploadId) },
  })
  await app.register(getProcessed, { store, giveOutput })
  await app.register(getOutput, { store, giveOutput })

  await app.register(livez)
  // Shared by all that ask at a time.
  const readiness = () => beforeDeadline(withinDeadline(undefined, async () => (await backend()).readiness()))
  app.decorate('readiness', readiness)
  await app.register(readyz, { readiness })

  await app.ready()
  return app
}
