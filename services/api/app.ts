import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import fastify, { type FastifyBaseLogger } from 'fastify'
import { type ApiConfig, issuerOf } from '../platform/config/api.ts'
import { listed } from '../platform/config/formats.ts'
import { PART_BYTES } from '../platform/s3/part-buffers.ts'
import type { Metrics } from './admin/metrics.ts'
import { metricsPlugin } from './admin/metrics-plugin.ts'
import { createKeySource, type KeySource } from './auth/key-source.ts'
import { authPlugin } from './auth/plugin.ts'
import { createTypeInspector } from './content/inspect-type.ts'
import { createDirect } from './direct.ts'
import { createUrlOf } from './download/downloads.ts'
import { closing } from './http/closing.ts'
import { cors } from './http/cors.ts'
import { createRateLimits } from './http/rate-limits.ts'
import { requestLog } from './http/request-log.ts'
import { securityHeaders } from './http/security-headers.ts'
import { serverOptions } from './http/server-options.ts'
import { unambiguous } from './http/unambiguous.ts'
import { createAcceptAgain } from './idempotency/accept-again.ts'
import { createAcceptOnce } from './idempotency/idempotency.ts'
import { type AcceptAll, createAcceptAll } from './ingest/accept-all.ts'
import { createAcceptUpload } from './ingest/accept-upload.ts'
import { createObjects } from './ingest/objects.ts'
import { createOutageWatch } from './ingest/outage-watch.ts'
import { createPublishUpload } from './ingest/publish-upload.ts'
import { createUnderWay } from './ingest/under-way.ts'
import { problemsPlugin } from './problems/plugin.ts'
import { createReadiness } from './readiness.ts'
import { toAccepted } from './routes/accepted.ts'
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
import { type ApiServices, CLAIM_MS } from './services.ts'
import { createWatches } from './watch/watches.ts'

export interface AppOptions {
  config: ApiConfig
  /** Closed with the app. */
  services: ApiServices
  logger: FastifyBaseLogger
  /** Left out, the keys of the configured issuer. */
  keys?: KeySource
  /** Left out, nothing is counted. */
  metrics?: Metrics
  /** Answers leave whole, as behind Lambda: nothing can be streamed. */
  isBuffered?: boolean
}

export type App = Awaited<ReturnType<typeof buildApp>>

/** The api, ready to listen or to be called: the same in a container and behind Lambda. */
export async function buildApp({ config, services, logger, keys, metrics, isBuffered = false }: AppOptions) {
  const app = fastify({ ...serverOptions(config), loggerInstance: logger }).withTypeProvider<TypeBoxTypeProvider>()
  const { s3, dynamodb, kinesis, store } = services
  const issuer = issuerOf(config)
  const underWay = createUnderWay()
  // Runs once the requests under way are answered, or broken off.
  app.addHook('onClose', async () => {
    await underWay.ended()
    await services.close()
  })

  await app.register(problemsPlugin)
  await app.register(requestLog)
  if (metrics) await app.register(metricsPlugin, { metrics })
  const origins = listed(config.CORS_ORIGINS)
  await app.register(securityHeaders, { isShared: origins.length > 0 })
  if (origins.length > 0) await app.register(cors, { origins })
  await app.register(closing)
  await app.register(unambiguous)
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
  await app.register(docs)

  if (!config.KEY_TEMPLATE.includes('{uploadId}')) {
    app.log.warn({ template: config.KEY_TEMPLATE }, 'keys are flat: uploads of the same name overwrite each other')
  }
  const maxBytes = config.MAX_UPLOAD_BYTES
  const inspector = createTypeInspector(listed(config.ALLOWED_TYPES))
  const publisher = createOutageWatch({
    publisher: services.publisher,
    timeoutMs: config.EVENT_PUT_TIMEOUT_MS,
    log: app.log,
    ...(metrics && { metrics }),
  })
  const publish = createPublishUpload({ store, publisher })
  const accept = createAcceptUpload({
    objects: createObjects({
      s3,
      bucket: config.UPLOAD_BUCKET,
      maxParts: Math.floor(config.UPLOAD_MEMORY_BYTES / PART_BYTES),
      onLeftover: (err, key) => app.log.error({ err, key }, 'parts of an upload that failed stay behind'),
    }),
    store,
    publish,
    keyTemplate: config.KEY_TEMPLATE,
    maxBytes,
  })
  const acceptTogether = createAcceptAll(createAcceptAgain({ accept, store, publish, maxBytes }))
  const acceptAll: AcceptAll = (files, options) => underWay.track(acceptTogether(files, options))
  const acceptOnce = createAcceptOnce({
    store: services.idempotency,
    acceptAll,
    answerOf: uploads => uploads.map(toAccepted),
    claimMs: CLAIM_MS,
    maxBytes,
  })
  await app.register(createUpload, {
    acceptAll,
    acceptOnce: (files, request) => underWay.track(acceptOnce(files, request)),
    ...(metrics && { onAccepted: metrics.accepted }),
    arriving: {
      inspector,
      maxJsonBytes: config.MAX_JSON_BYTES,
      maxFormFiles: config.MAX_FORM_FILES,
      patience: { minBytesPerSecond: config.MIN_BODY_BYTES_PER_SECOND, graceMs: config.SLOW_BODY_GRACE_MS },
    },
  })
  const direct = createDirect(config, services, { publish, inspector })
  await app.register(grants, { grants: direct.grants })
  await app.register(tus, { serve: direct.tus })
  await app.register(listUploads, { list: services.listUploads })

  const watches = createWatches({
    look: async (key, signal) => {
      const record = await store.get(key, signal)
      return record && toSight(record)
    },
    log: app.log,
  })
  // Before the server waits for its connections to end: those who wait here would hold that up.
  app.addHook('preClose', async () => watches.close())
  await app.register(getUpload, { store, watches })
  await app.register(uploadEvents, { store, watches, isBuffered: isBuffered || config.EVENT_STREAMS === 'whole' })
  await app.register(deleteUpload, { deletions: services.deletions, endPending: direct.endPending, watches })
  const urlOf = createUrlOf({ s3, publicEndpoint: config.S3_PUBLIC_ENDPOINT })
  await app.register(getContent, { store, urlOf })
  const giveOutput = createGiveOutput({ urlOf, results: services.results })
  await app.register(getProcessed, { store, giveOutput })
  await app.register(getOutput, { store, giveOutput })

  await app.register(livez)
  const names = { bucket: config.UPLOAD_BUCKET, table: config.UPLOADS_TABLE, stream: config.STREAM_NAME }
  const readiness = createReadiness({ s3, dynamodb, kinesis, ...names, log: app.log })
  app.decorate('readiness', readiness)
  await app.register(readyz, { readiness })

  await app.ready()
  return app
}
