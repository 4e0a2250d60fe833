import type { WorkerConfig } from '../../platform/config/worker.ts'
import type { Logger } from '../../platform/log.ts'
import { createOrphanStore } from '../../uploads/objects/orphan-store.ts'
import type { WorkerServices } from '../services.ts'
import { createEndOrphan } from './end-orphan.ts'
import { createListUploadObjects } from './list-upload-objects.ts'
import { createPass } from './pass.ts'
import { createOrphanSweep, type OrphanSweep } from './sweep.ts'
import { createSweepClaims } from './sweep-claim.ts'
import { createUploadBucket } from './upload-bucket.ts'

type Config = Pick<WorkerConfig, 'UPLOAD_BUCKET' | 'PROCESSED_BUCKET' | 'UPLOADS_TABLE' | 'STRAY_AFTER_HOURS'>

/** The sweep of orphans, put together from the configuration. */
export function createWorkerOrphanSweep(
  config: Config,
  { s3, dynamodb }: Pick<WorkerServices, 's3' | 'dynamodb'>,
  log: Pick<Logger, 'info' | 'error'>,
  now: () => number = Date.now,
): OrphanSweep {
  const { UPLOAD_BUCKET: uploadBucket, PROCESSED_BUCKET: processedBucket, UPLOADS_TABLE: table } = config
  const orphans = createOrphanStore({ dynamodb, table, now: () => new Date(now()) })
  const bucket = createUploadBucket(s3, uploadBucket)
  const endOrphan = createEndOrphan({ bucket, orphans, uploadBucket, processedBucket, log })
  return createOrphanSweep({
    claims: createSweepClaims({ dynamodb, table }),
    list: createListUploadObjects(s3, uploadBucket),
    pass: createPass({ bucket, orphans, endOrphan }),
    afterMs: config.STRAY_AFTER_HOURS * 3_600_000,
    log,
    now,
  })
}
