import type { ApiConfig } from '../platform/config/api.ts'
import type { Logger } from '../platform/log.ts'
import { onFirstUse } from '../platform/on-first-use.ts'
import type { PartBuffers } from '../platform/s3/part-buffers.ts'
import type { Tracing } from '../platform/tracing/tracing.ts'
import { createTusStore } from '../uploads/pending/tus-store.ts'
import type { Metrics } from './admin/metrics.ts'
import type { TypeInspector } from './content/inspect-type.ts'
import { createGrants, type Grants } from './grants/grants.ts'
import { createMultipart } from './grants/multipart.ts'
import { createPresigner } from './grants/presign.ts'
import type { PatienceSettings } from './http/min-body-rate.ts'
import { createGrantOnce, type GrantOnce } from './idempotency/grant-once.ts'
import type { PublishUpload } from './ingest/publish-upload.ts'
import { createArrivedObject } from './pending/arrived-object.ts'
import { createKeepPromise } from './pending/confirm-reservation.ts'
import { createCleanUp, createCleanUpIfEnded, createEndPending } from './pending/end-pending.ts'
import { createFinish } from './pending/finish.ts'
import { createPromise } from './pending/reservation.ts'
import { createSweep, type Sweep } from './pending/sweep.ts'
import type { ApiServices } from './services.ts'
import { createEndUnderLock, type EndUnderLock } from './tus/end-under-lock.ts'
import { createFinishTus } from './tus/finish-tus.ts'
import { createLocks } from './tus/lock.ts'
import { createRunningDigests } from './tus/running-digests.ts'
import { createS3Parts } from './tus/s3-parts.ts'
import type { ServeTus } from './tus/serve.ts'

export interface Direct {
  grants: Grants
  /** For requests with an `Idempotency-Key`. */
  grantOnce: GrantOnce
  tus: ServeTus
  /** Ends an upload that is on its way, for whoever deletes uploads. */
  endPending: EndUnderLock
}

export interface DirectSettings {
  publish: PublishUpload
  inspector: TypeInspector
  patience: PatienceSettings
  /** Shared with the other ways. */
  buffers: PartBuffers
  metrics?: Pick<Metrics, 'accepted'> | undefined
  tracing?: Pick<Tracing, 'current'> | undefined
}

/** The ways in which a file arrives in more than one request. */
export function createDirect(
  config: ApiConfig,
  services: ApiServices,
  { publish, inspector, patience, buffers, metrics, tracing }: DirectSettings,
): Direct {
  const { s3, dynamodb, pending } = services
  const cleanUp = createCleanUp(s3)
  const endPending = createEndPending({ cleanUp, pending })
  const cleanUpIfEnded = createCleanUpIfEnded({ cleanUp, pending })
  const finish = createFinish({
    arrivedObject: createArrivedObject({ s3, trustChecksums: config.S3_CHECKSUMS === 'checked', inspector }),
    keepPromise: createKeepPromise({ pending }),
    publish,
    endPending,
    cleanUpIfEnded,
    traceparent: tracing && (() => tracing.current()?.traceparent),
    ...(metrics && { onAccepted: (way, upload) => metrics.accepted(way, [upload]) }),
  })
  const promise = createPromise({
    bucket: config.UPLOAD_BUCKET,
    keyTemplate: config.KEY_TEMPLATE,
    maxBytes: config.MAX_UPLOAD_BYTES,
    lifetimeMs: lifetimeMs(config),
  })
  const grants = createGrants({
    pending,
    promise,
    multipart: createMultipart(s3),
    presigner: createPresigner(s3, config.S3_PUBLIC_ENDPOINT),
    finish,
    partsAboveBytes: config.GRANT_PARTS_ABOVE_BYTES,
    urlSeconds: config.GRANT_URL_SECONDS,
  })
  const parts = createS3Parts(s3)
  const locks = createLocks(createTusStore({ dynamodb, table: config.UPLOADS_TABLE }))
  const digests = createRunningDigests()
  const tusSettings = {
    pending,
    promise,
    locks,
    parts,
    buffers,
    digests,
    finish: createFinishTus({ parts, digests, finish, endPending }),
    endPending,
    cleanUpIfEnded,
    lifetimeMs: lifetimeMs(config),
    maxBytes: config.MAX_UPLOAD_BYTES,
    patience,
  }
  // @tus/server takes long to load, and most processes are never asked for it.
  const serveTus = onFirstUse(async () => (await import('./tus/serve.ts')).createServeTus(tusSettings))
  const tus: ServeTus = async request => (await serveTus())(request)
  const grantOnce = createGrantOnce({ store: services.idempotency, grants })
  return { grants, grantOnce, tus, endPending: createEndUnderLock({ pending, locks, endPending }) }
}

/** For the process that runs for long: a Lambda function has no time between its requests. */
export function createDirectSweep(
  config: ApiConfig,
  { s3, pending }: Pick<ApiServices, 's3' | 'pending'>,
  log: Pick<Logger, 'info' | 'error'>,
): Sweep {
  return createSweep({ pending, cleanUp: createCleanUp(s3), lifetimeMs: lifetimeMs(config), log })
}

function lifetimeMs(config: Pick<ApiConfig, 'PENDING_UPLOAD_HOURS'>): number {
  return config.PENDING_UPLOAD_HOURS * 3_600_000
}
