import type { FastifyBaseLogger } from 'fastify'
import type { ApiConfig } from '../platform/config/api.ts'
import { createPartBuffers } from '../platform/s3/part-buffers.ts'
import { createPutStream } from '../platform/s3/put-stream.ts'
import { createPutWhole } from '../platform/s3/put-whole.ts'
import type { Tracing } from '../platform/tracing/tracing.ts'
import { createPublishBreaker } from '../uploads/events/publish-breaker.ts'
import { createRemoveObject } from '../uploads/objects/remove-object.ts'
import type { Metrics } from './admin/metrics.ts'
import { type Download, downloadUrl, signerFor } from './download/download-url.ts'
import type { MinBodyRate } from './http/min-body-rate.ts'
import { acceptOnce, type IdempotentRequest } from './idempotency/accept-once.ts'
import { type AcceptAllOptions, acceptAll, type IncomingFile } from './ingest/accept-all.ts'
import { acceptUpload } from './ingest/accept-upload.ts'
import { openMultiRequestUploads } from './multi-request-uploads.ts'
import { createQuotas } from './policies/quotas.ts'
import { createReadiness } from './readiness.ts'
import { type ApiServices, CLAIM_MS } from './services.ts'

/** What the routes do to uploads, on AWS. */
export type Backend = ReturnType<typeof openBackend>

export interface BackendSettings {
  config: ApiConfig
  services: ApiServices
  minBodyRate: MinBodyRate
  log: FastifyBaseLogger
  metrics?: Metrics | undefined
  tracing?: Pick<Tracing, 'current'> | undefined
}

/** Opens everything that imports the AWS SDK, which is most of the code of the api. The warm-up loads it. */
export function openBackend({ config, services, minBodyRate, log, metrics, tracing }: BackendSettings) {
  const { s3, dynamodb, kinesis, store } = services
  const { UPLOAD_BUCKET: bucket, UPLOADS_TABLE: table, STREAM_NAME: stream } = config
  const buffers = createPartBuffers(config.UPLOAD_MEMORY_BYTES)
  const removeObject = createRemoveObject(s3)
  const signer = signerFor(s3, config.S3_PUBLIC_ENDPOINT)
  const quotas = createQuotas({ store: services.quotas })
  const inFlight = new Set<Promise<unknown>>()
  const deps = {
    objects: {
      bucket,
      putWhole: createPutWhole(s3, bucket),
      putStream: createPutStream({
        s3,
        bucket,
        buffers,
        onLeftover: (err, key) => log.error({ err, key }, 'parts of a failed upload could not be removed from S3'),
      }),
      remove: ({ key, uploadId }: { key: string; uploadId: string }) => removeObject({ bucket, key }, uploadId),
    },
    store,
    publisher: createPublishBreaker({
      publisher: services.publisher,
      // An event that Kinesis does not take has waited for the whole timeout, give or take the precision of the clocks.
      slowMs: config.EVENT_PUT_TIMEOUT_MS / 2,
      onOpen(err) {
        metrics?.eventOutage(true)
        log.warn({ err }, 'Kinesis takes no events: until it does, uploads are left to the outbox relay without a wait')
      },
      onClose({ ms, refused }) {
        metrics?.eventOutage(false)
        log.info({ ms: Math.round(ms), refused }, 'Kinesis takes events again')
      },
    }),
    idempotency: services.idempotency,
    claimMs: CLAIM_MS,
    keyTemplate: config.KEY_TEMPLATE,
    quotas,
  }

  /** A request whose client has disconnected is over for the server, but its upload may still have parts to remove. */
  function track<T>(work: Promise<T>): Promise<T> {
    inFlight.add(work)
    const forget = () => inFlight.delete(work)
    work.then(forget, forget)
    return work
  }

  return {
    acceptAll: (files: AsyncIterable<IncomingFile>, options: AcceptAllOptions) =>
      track(acceptAll(upload => acceptUpload(deps, upload), files, options)),
    /** For requests with an `Idempotency-Key`. */
    acceptOnce: (files: AsyncIterable<IncomingFile>, request: IdempotentRequest) =>
      track(acceptOnce(deps, files, request)),
    ...openMultiRequestUploads({
      config,
      services,
      publisher: deps.publisher,
      quotas,
      minBodyRate,
      buffers,
      metrics,
      tracing,
    }),
    quotas,
    store,
    deletions: services.deletions,
    listUploads: services.listUploads,
    results: services.results,
    downloadUrl: (download: Download) => downloadUrl({ s3, signer }, download),
    readiness: createReadiness({ s3, dynamodb, kinesis, bucket, table, stream, log }),
    /** Waits for the uploads in flight, then closes the services. */
    async close() {
      while (inFlight.size > 0) await Promise.allSettled(inFlight)
      await services.close()
    },
  }
}
