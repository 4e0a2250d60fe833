import type { ApiConfig } from '../platform/config/api.ts'
import type { Logger } from '../platform/log.ts'
import type { PartBuffers } from '../platform/s3/part-buffers.ts'
import type { Tracing } from '../platform/tracing/tracing.ts'
import type { EventPublisher } from '../uploads/events/publisher.ts'
import { createTusStore } from '../uploads/pending/tus-store.ts'
import type { UploadKey } from '../uploads/records/store.ts'
import type { Metrics } from './admin/metrics.ts'
import { Grants } from './grants/grants.ts'
import { createMultipart } from './grants/multipart.ts'
import type { MinBodyRate } from './http/min-body-rate.ts'
import { grantOnce } from './idempotency/grant-once.ts'
import { createCleanUp } from './pending/end-pending.ts'
import type { FinishUploadDeps } from './pending/finish-upload.ts'
import { plainS3 } from './pending/plain-s3.ts'
import type { ReservationRequest, ReservationRules } from './pending/reservation.ts'
import { createSweep, type Sweep } from './pending/sweep.ts'
import type { Quotas } from './policies/quotas.ts'
import type { ApiServices } from './services.ts'
import { endUnderLock } from './tus/end-under-lock.ts'
import { Locks } from './tus/lock.ts'
import { RunningDigests } from './tus/running-digests.ts'
import { createS3Parts } from './tus/s3-parts.ts'
import type { TusDeps, TusRequest } from './tus/serve.ts'

export interface MultiRequestSettings {
  config: ApiConfig
  services: ApiServices
  publisher: EventPublisher
  quotas: Quotas
  minBodyRate: MinBodyRate
  /** Shared with the uploads of one request. */
  buffers: PartBuffers
  metrics: Pick<Metrics, 'accepted'> | undefined
  tracing: Pick<Tracing, 'current'> | undefined
}

/** Opens what serves uploads of more than one request: grants and tus. */
export function openMultiRequestUploads(settings: MultiRequestSettings) {
  const { config, services, publisher, quotas, minBodyRate, buffers, metrics, tracing } = settings
  const { s3, dynamodb, pending, store, idempotency } = services
  const rules: ReservationRules = {
    bucket: config.UPLOAD_BUCKET,
    keyTemplate: config.KEY_TEMPLATE,
    lifetimeMs: lifetimeMs(config),
  }
  const deps: Omit<FinishUploadDeps, 'inspector'> & { rules: ReservationRules; quotas: Quotas } = {
    s3,
    plain: plainS3(s3),
    trustChecksums: config.S3_CHECKSUMS === 'checked',
    pending,
    cleanUp: createCleanUp(s3),
    store,
    publisher,
    quotas,
    rules,
    traceparent: () => tracing?.current()?.traceparent,
    onAccepted: (method, upload) => metrics?.accepted(method, [upload]),
  }
  const grants = new Grants({
    ...deps,
    multipart: createMultipart(s3),
    signer: plainS3(s3, config.S3_PUBLIC_ENDPOINT),
    partsAboveBytes: config.GRANT_PARTS_ABOVE_BYTES,
    urlSeconds: config.GRANT_URL_SECONDS,
  })
  const locks = new Locks(createTusStore({ dynamodb, table: config.UPLOADS_TABLE }))
  const tusDeps: TusDeps = {
    ...deps,
    locks,
    parts: createS3Parts(s3),
    buffers,
    digests: new RunningDigests(),
    minBodyRate,
  }
  return {
    grants,
    /** For requests with an `Idempotency-Key`. */
    grantOnce: (request: ReservationRequest, key: string, log: Pick<Logger, 'warn' | 'error'>) =>
      grantOnce({ idempotency, grants }, request, key, log),
    /** Serves one request of tus. `@tus/server` is loaded for the first one: it is slow to load, and most processes never need it. */
    tus: async (request: TusRequest) => (await import('./tus/serve.ts')).serveTus(tusDeps, request),
    /** Ends a pending upload that its owner deletes. */
    endPending: (key: UploadKey, log: Pick<Logger, 'warn'>) => endUnderLock({ ...deps, locks }, key, log),
  }
}

/** Creates the sweep of pending uploads. A process runs it in the background, a Lambda function on a schedule. */
export function createPendingSweep(
  config: ApiConfig,
  { s3, pending }: Pick<ApiServices, 's3' | 'pending'>,
  log: Pick<Logger, 'info' | 'error'>,
): Sweep {
  return createSweep({ pending, cleanUp: createCleanUp(s3), lifetimeMs: lifetimeMs(config), log })
}

function lifetimeMs(config: Pick<ApiConfig, 'PENDING_UPLOAD_HOURS'>): number {
  return config.PENDING_UPLOAD_HOURS * 3_600_000
}
