import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import fastify, { type FastifyBaseLogger } from 'fastify'
import { type ApiConfig, issuerOf, jwksUrlOf } from '../platform/config/api.ts'
import { parseList } from '../platform/config/formats.ts'
import { beforeDeadline, withinDeadline } from '../platform/deadline.ts'
import { onFirstUse } from '../platform/on-first-use.ts'
import type { Tracing } from '../platform/tracing/tracing.ts'
import type { Metrics } from './admin/metrics.ts'
import { metricsPlugin } from './admin/metrics-plugin.ts'
import { createKeySource, type KeySource } from './auth/key-source.ts'
import { authPlugin } from './auth/plugin.ts'
import { routeAccess } from './auth/route-access.ts'
import type { Backend } from './backend.ts'
import { closeConnections } from './http/close-connections.ts'
import { cors } from './http/cors.ts'
import { deadlines } from './http/deadlines.ts'
import { finalNewline } from './http/final-newline.ts'
import { gatewayBody } from './http/gateway-body.ts'
import { publicPath } from './http/public-path.ts'
import { createRateLimits } from './http/rate-limits.ts'
import { requestLog } from './http/request-log.ts'
import { requestSmugglingGuard } from './http/request-smuggling-guard.ts'
import { requestSpans } from './http/request-spans.ts'
import { routerErrors } from './http/router-errors.ts'
import { createSchemaCompilers } from './http/schema-compilers.ts'
import { securityHeaders } from './http/security-headers.ts'
import { serverOptions } from './http/server-options.ts'
import { warmUp } from './http/warm-up.ts'
import { createPolicies } from './policies/policies.ts'
import { problemsPlugin } from './problems/plugin.ts'
import { createUpload } from './routes/create-upload.ts'
import { deleteUpload } from './routes/delete-upload.ts'
import { docs } from './routes/docs.ts'
import { getContent } from './routes/get-content.ts'
import { getOutput } from './routes/get-output.ts'
import { getProcessed } from './routes/get-processed.ts'
import { getUpload } from './routes/get-upload.ts'
import { grants } from './routes/grants.ts'
import { listUploads } from './routes/list-uploads.ts'
import { livez } from './routes/livez.ts'
import { readyz } from './routes/readyz.ts'
import { signInMetadata } from './routes/sign-in-metadata.ts'
import { tus } from './routes/tus.ts'
import { uploadEvents } from './routes/upload-events.ts'
import { uploadLimits } from './routes/upload-limits.ts'
import { toSnapshot } from './routes/upload-view.ts'
import type { ApiServices } from './services.ts'
import { createWatches } from './watch/watches.ts'

export interface AppOptions {
  config: ApiConfig
  /** Opens the services. Called once, by the warm-up. The app closes them. */
  services(): Promise<ApiServices>
  logger: FastifyBaseLogger
  /** @default the keys of the configured issuer */
  keys?: KeySource | undefined
  /** @default no metrics */
  metrics?: Metrics | undefined
  /** @default no tracing */
  tracing?: Tracing | undefined
  /** True if a response is sent as a whole, as behind Lambda, so that nothing can be streamed. @default false */
  isBuffered?: boolean | undefined
}

/** Reads UPLOAD_POLICIES. Its reader is loaded only if the variable is set, because loading it slows the start. */
async function readRules({ UPLOAD_POLICIES: text, MAX_UPLOAD_BYTES, MAX_FORM_FILES }: ApiConfig) {
  if (text === undefined) return undefined
  const { readPolicies } = await import('./policies/read-policies.ts')
  return readPolicies(text, { maxBytes: MAX_UPLOAD_BYTES, filesPerForm: MAX_FORM_FILES })
}

export type App = Awaited<ReturnType<typeof buildApp>>

/** Builds the api, ready to listen on a port or to be called by Lambda. */
export async function buildApp({ config, services, logger, keys, metrics, tracing, isBuffered = false }: AppOptions) {
  const compilers = createSchemaCompilers()
  const app = fastify({
    ...serverOptions(config),
    schemaController: { compilersFactory: compilers.compilersFactory },
    loggerInstance: logger,
  }).withTypeProvider<TypeBoxTypeProvider>()
  const issuer = issuerOf(config)
  const policies = createPolicies({
    rules: await readRules(config),
    maxBytes: config.MAX_UPLOAD_BYTES,
    maxFormFiles: config.MAX_FORM_FILES,
    allowedTypes: parseList(config.ALLOWED_TYPES),
  })
  const minBodyRate = { minBytesPerSecond: config.MIN_BODY_BYTES_PER_SECOND, graceMs: config.SLOW_BODY_GRACE_MS }

  let opened: Backend | undefined
  const open = onFirstUse(async () => {
    const [{ openBackend }, ready] = await Promise.all([import('./backend.ts'), services()])
    opened = openBackend({ config, services: ready, minBodyRate, log: app.log, metrics, tracing })
    return opened
  })
  /** The backend, for routes. The warm-up opens it before a request reaches its route. */
  const backend = (): Backend => {
    if (opened === undefined) throw new Error('The backend was used before the warm-up.')
    return opened
  }
  // Fastify calls this after the requests in flight were answered or aborted.
  app.addHook('onClose', async () => {
    await (await open.ifUsed())?.close()
  })

  await app.register(finalNewline)
  await app.register(problemsPlugin)
  await app.register(routeAccess)
  // Registered before the other hooks, so that their work belongs to the span of the request.
  if (tracing) await app.register(requestSpans, { tracing })
  await app.register(deadlines, { withinMs: config.ANSWER_TIMEOUT_MS })
  await app.register(requestLog)
  if (metrics) await app.register(metricsPlugin, { metrics })
  const origins = parseList(config.CORS_ORIGINS)
  await app.register(securityHeaders, { isShared: origins.length > 0 })
  if (origins.length > 0) await app.register(cors, { origins })
  await app.register(publicPath, { path: config.PUBLIC_PATH })
  await app.register(closeConnections)
  await app.register(requestSmugglingGuard)
  await app.register(routerErrors)
  await app.register(gatewayBody)
  await app.register(warmUp, { load: () => Promise.all([compilers.load(), open(), import('get-jwks')]) })
  await app.register(docs)
  await app.register(authPlugin, {
    issuer,
    clientId: config.COGNITO_CLIENT_ID,
    keys: keys ?? createKeySource({ issuer, jwksUrl: jwksUrlOf(config) }),
    limits: await createRateLimits(app, {
      perOwner: config.RATE_LIMIT_PER_OWNER,
      perAddress: config.RATE_LIMIT_PER_ADDRESS,
      windowMs: config.RATE_LIMIT_WINDOW_MS,
    }),
    required: {
      read: { scopes: parseList(config.READ_SCOPES), groups: parseList(config.READ_GROUPS) },
      write: { scopes: parseList(config.WRITE_SCOPES), groups: parseList(config.WRITE_GROUPS) },
    },
    policies,
  })

  if (!config.KEY_TEMPLATE.includes('{uploadId}')) {
    app.log.warn(
      { template: config.KEY_TEMPLATE },
      'KEY_TEMPLATE has no {uploadId}: uploads with the same name overwrite each other',
    )
  }
  await app.register(createUpload, {
    backend,
    onAccepted: metrics?.accepted,
    fileSettings: { maxJsonBytes: config.MAX_JSON_BYTES, minBodyRate },
    maxFormFiles: config.MAX_FORM_FILES,
  })
  await app.register(grants, { backend, maxJsonBytes: config.MAX_JSON_BYTES, minBodyRate })
  await app.register(tus, { backend, deployment: policies.deployment })
  await app.register(listUploads, { backend })
  await app.register(uploadLimits, { config, backend, isBuffered })

  const watches = createWatches({
    read: async (key, signal) => {
      // One read serves all waiting requests, so it belongs to no span and has no request's deadline.
      const read = () => withinDeadline(undefined, () => backend().store.get(key, signal))
      const record = await (tracing ? tracing.within(undefined, read) : read())
      return record && toSnapshot(record)
    },
    log: app.log,
  })
  // Ends the waiting requests before the server waits for its connections to close.
  app.addHook('preClose', async () => watches.close())
  await app.register(getUpload, { backend, watches })
  await app.register(uploadEvents, { backend, watches, isBuffered: isBuffered || config.EVENT_STREAMS === 'whole' })
  await app.register(deleteUpload, { backend, watches })
  await app.register(getContent, { backend, isScanned: config.SCANNER !== 'none' })
  await app.register(getProcessed, { backend })
  await app.register(getOutput, { backend })

  await app.register(signInMetadata, { config })
  await app.register(livez)
  // Concurrent probes share the result, so it has no request's deadline. The admin port may ask before the warm-up.
  const readiness = () => beforeDeadline(withinDeadline(undefined, async () => (await open()).readiness()))
  app.decorate('readiness', readiness)
  await app.register(readyz, { readiness })

  await app.ready()
  return app
}
