import type { WorkerConfig } from '../../platform/config/worker.ts'
import type { Logger } from '../../platform/log.ts'
import { createStrays } from '../../uploads/objects/orphans.ts'
import type { WorkerServices } from '../services.ts'
import { createEndStray } from './end-orphan.ts'
import { createListUploads } from './list-uploads.ts'
import { createPass } from './pass.ts'
import { createStraySweep, type StraySweep } from './sweep.ts'
import { createTurns } from './sweep-claim.ts'
import { createBucket } from './upload-bucket.ts'

type Config = Pick<WorkerConfig, 'UPLOAD_BUCKET' | 'PROCESSED_BUCKET' | 'UPLOADS_TABLE' | 'STRAY_AFTER_HOURS'>

/** The sweep of strays, put together from the configuration. */
export function createWorkerStraySweep(
  config: Config,
  { s3, dynamodb }: Pick<WorkerServices, 's3' | 'dynamodb'>,
  log: Pick<Logger, 'info' | 'error'>,
  now: () => number = Date.now,
): StraySweep {
  const { UPLOAD_BUCKET: uploadBucket, PROCESSED_BUCKET: processedBucket, UPLOADS_TABLE: table } = config
  const strays = createStrays({ dynamodb, table, now: () => new Date(now()) })
  const bucket = createBucket(s3, uploadBucket)
  const endStray = createEndStray({ bucket, strays, uploadBucket, processedBucket, log })
  return createStraySweep({
    turns: createTurns({ dynamodb, table }),
    list: createListUploads(s3, uploadBucket),
    pass: createPass({ bucket, strays, endStray }),
    afterMs: config.STRAY_AFTER_HOURS * 3_600_000,
    log,
    now,
  })
}
