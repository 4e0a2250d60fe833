import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import fastify, { type FastifyBaseLogger } from 'fastify'
import { type ApiConfig, issuerOf } from '../platform/config/api.ts'
import { createKeySource, type KeySource } from './auth/key-source.ts'
import { authPlugin } from './auth/plugin.ts'
import { createDirect } from './direct.ts'
import { closing } from './http/closing.ts'
import { requestLog } from './http/request-log.ts'
import { serverOptions } from './http/server-options.ts'
import { createAcceptUpload } from './ingest/accept-upload.ts'
import { createObjects } from './ingest/objects.ts'
import { problemsPlugin } from './problems/plugin.ts'
import { createReadiness } from './readiness.ts'
import { createUpload } from './routes/create-upload.ts'
import { docs } from './routes/docs.ts'
import { getUpload } from './routes/get-upload.ts'
import { grants } from './routes/grants.ts'
import { livez } from './routes/livez.ts'
import { readyz } from './routes/readyz.ts'
import { tus } from './routes/tus.ts'
import type { ApiServices } from './services.ts'

export interface AppOptions {
  config: ApiConfig
  /** Closed with the app. */
  services: ApiServices
  logger: FastifyBaseLogger
  /** Left out, the keys of the configured issuer. */
  keys?: KeySource
}

export type App = Awaited<ReturnType<typeof buildApp>>

/** The api, ready to listen or to be called: the same in a container and behind Lambda. */
export async function buildApp({ config, services, logger, keys }: AppOptions) {
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
  const direct = createDirect(config, services)
  await app.register(grants, { grants: direct.grants })
  await app.register(tus, { serve: direct.tus })
  await app.register(getUpload, { store })
  await app.register(livez)
  const names = { bucket: config.UPLOAD_BUCKET, table: config.UPLOADS_TABLE, stream: config.STREAM_NAME }
  await app.register(readyz, { readiness: createReadiness({ s3, dynamodb, kinesis, ...names, log: app.log }) })

  await app.ready()
  return app
}
