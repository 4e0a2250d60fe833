import type { FastifyBaseLogger } from 'fastify'
import type { ApiConfig } from '../platform/config/api.ts'
import { createPartBuffers } from '../platform/s3/part-buffers.ts'
import type { Tracing } from '../platform/tracing/tracing.ts'
import type { Metrics } from './admin/metrics.ts'
import type { TypeInspector } from './content/inspect-type.ts'
import { createUrlOf, type UrlOf } from './download/downloads.ts'
import type { PatienceSettings } from './http/min-body-rate.ts'
import { createAcceptAgain } from './idempotency/accept-again.ts'
import { type AcceptOnce, createAcceptOnce } from './idempotency/idempotency.ts'
import { type AcceptAll, createAcceptAll } from './ingest/accept-all.ts'
import { createAcceptUpload } from './ingest/accept-upload.ts'
import { createObjects } from './ingest/objects.ts'
import { createOutageWatch } from './ingest/outage-watch.ts'
import { createPublishUpload } from './ingest/publish-upload.ts'
import { createDirect, type Direct } from './multi-request-uploads.ts'
import { createReadiness, type Readiness } from './readiness.ts'
import { type Accepted, toAccepted } from './routes/accepted.ts'
import { type ApiServices, CLAIM_MS } from './services.ts'

/** What the routes do to uploads, on AWS. */
export interface Backend extends Direct, Pick<ApiServices, 'deletions' | 'listUploads' | 'results' | 'store'> {
  acceptAll: AcceptAll
  acceptOnce: AcceptOnce<Accepted[]>
  urlOf: UrlOf
  readiness(): Promise<Readiness>
  close(): Promise<void>
}

export interface BackendSettings {
  config: ApiConfig
  services: ApiServices
  inspector: TypeInspector
  patience: PatienceSettings
  log: FastifyBaseLogger
  metrics?: Metrics | undefined
  tracing?: Pick<Tracing, 'current'> | undefined
}

/** Everything that knows AWS's SDK, which is most of the code of the api: loaded for the first request that needs it. */
export function createBackend(settings: BackendSettings): Backend {
  const { config, services, inspector, patience, log, metrics, tracing } = settings
  const { s3, dynamodb, kinesis, store, deletions, listUploads, results } = services
  const maxBytes = config.MAX_UPLOAD_BYTES
  const publisher = createOutageWatch({
    publisher: services.publisher,
    timeoutMs: config.EVENT_PUT_TIMEOUT_MS,
    log,
    ...(metrics && { metrics }),
  })
  const publish = createPublishUpload({ store, publisher })
  const buffers = createPartBuffers(config.UPLOAD_MEMORY_BYTES)
  const accept = createAcceptUpload({
    objects: createObjects({
      s3,
      bucket: config.UPLOAD_BUCKET,
      buffers,
      onLeftover: (err, key) => log.error({ err, key }, 'parts of an upload that failed stay behind'),
    }),
    store,
    publish,
    keyTemplate: config.KEY_TEMPLATE,
    maxBytes,
  })
  const acceptAll = createAcceptAll(createAcceptAgain({ accept, store, publish, maxBytes }))
  const acceptOnce = createAcceptOnce({
    store: services.idempotency,
    acceptAll,
    answerOf: uploads => uploads.map(toAccepted),
    claimMs: CLAIM_MS,
    maxBytes,
  })
  const names = { bucket: config.UPLOAD_BUCKET, table: config.UPLOADS_TABLE, stream: config.STREAM_NAME }
  return {
    ...createDirect(config, services, { publish, inspector, patience, buffers, metrics, tracing }),
    acceptAll,
    acceptOnce,
    store,
    deletions,
    listUploads,
    results,
    urlOf: createUrlOf({ s3, publicEndpoint: config.S3_PUBLIC_ENDPOINT }),
    readiness: createReadiness({ s3, dynamodb, kinesis, ...names, log }),
    close: services.close,
  }
}
