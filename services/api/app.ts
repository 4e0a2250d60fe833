import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import fastify, { type FastifyBaseLogger } from 'fastify'
import { type ApiConfig, issuerOf } from '../platform/config/api.ts'
import { createKeySource, type KeySource } from './auth/key-source.ts'
import { authPlugin } from './auth/plugin.ts'
import { createUrlOf } from './download/downloads.ts'
import { closing } from './http/closing.ts'
import { requestLog } from './http/request-log.ts'
import { serverOptions } from './http/server-options.ts'
import { createAcceptUpload } from './ingest/accept-upload.ts'
import { createObjects } from './ingest/objects.ts'
import { problemsPlugin } from './problems/plugin.ts'
import { createReadiness } from './readiness.ts'
import { createUpload } from './routes/create-upload.ts'
import { deleteUpload } from './routes/delete-upload.ts'
import { docs } from './routes/docs.ts'
import { getContent } from './routes/get-content.ts'
import { getProcessed } from './routes/get-processed.ts'
import { getUpload } from './routes/get-upload.ts'
import { listUploads } from './routes/list-uploads.ts'
import { livez } from './routes/livez.ts'
import { readyz } from './routes/readyz.ts'
import { uploadEvents } from './routes/upload-events.ts'
import { toSight } from './routes/upload-view.ts'
import type { ApiServices } from './services.ts'
import { createWatches } from './watch/watches.ts'

export interface AppOptions {
  config: ApiConfig
  /** Closed with the app. */
  services: ApiServices
  logger: FastifyBaseLogger
  /** Left out, the keys of the configured issuer. */
  keys?: KeySource
  /** Answers leave whole, as behind Lambda: nothing can be streamed. */
  isBuffered?: boolean
}

export type App = Awaited<ReturnType<typeof buildApp>>

/** The api, ready to listen or to be called: the same in a container and behind Lambda. */
export async function buildApp({ config, services, logger, keys, isBuffered = false }: AppOptions) {
  const app = fastify({ ...serverOptions(config), loggerInstance: logger }).withTypeProvider<TypeBoxTypeProvider>()
  const { s3, dynamodb, kinesis, store, publisher } = services
  const issuer = issuerOf(config)
  // Runs once the requests under way are answered.
  app.addHook('onClose', () => services.close())

  await app.register(problemsPlugin)
  await app.register(requestLog)
  await app.register(closing)
  await app.register(authPlugin, {
    issuer,
    clientId: config.COGNITO_CLIENT_ID,
    keys: keys ?? createKeySource({ issuer }),
  })
  await app.register(docs)

  if (!config.KEY_TEMPLATE.includes('{uploadId}')) {
    app.log.warn({ template: config.KEY_TEMPLATE }, 'keys are flat: uploads of the same name overwrite each other')
  }
  await app.register(createUpload, {
    maxJsonBytes: config.MAX_JSON_BYTES,
    acceptUpload: createAcceptUpload({
      objects: createObjects({ s3, bucket: config.UPLOAD_BUCKET }),
      store,
      publisher,
      keyTemplate: config.KEY_TEMPLATE,
      maxBytes: config.MAX_UPLOAD_BYTES,
    }),
  })
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
  await app.register(uploadEvents, { store, watches, isBuffered })
  await app.register(deleteUpload, { deletions: services.deletions, watches })
  const urlOf = createUrlOf({ s3, publicEndpoint: config.S3_PUBLIC_ENDPOINT })
  await app.register(getContent, { store, urlOf })
  await app.register(getProcessed, { store, urlOf })

  await app.register(livez)
  const names = { bucket: config.UPLOAD_BUCKET, table: config.UPLOADS_TABLE, stream: config.STREAM_NAME }
  await app.register(readyz, { readiness: createReadiness({ s3, dynamodb, kinesis, ...names, log: app.log }) })

  await app.ready()
  return app
}
