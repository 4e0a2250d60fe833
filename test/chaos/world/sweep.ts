import { pino } from 'pino'
import { loadConfig } from '../../../services/platform/config/load.ts'
import { workerConfigSchema } from '../../../services/platform/config/worker.ts'
import { createWorkerOrphanSweep } from '../../../services/worker/orphans/sweep.ts'
import type { TestAws } from '../../support/aws.ts'

const HOUR_MS = 3_600_000

/**
 * Runs the pass of the sweep of orphans that would run when every object is old enough. The workers ran the first pass
 * when they started.
 */
export async function sweepLater(aws: TestAws): Promise<{ requeued: number; removed: number }> {
  const config = loadConfig(workerConfigSchema, aws.env)
  const later = Date.now() + (config.STRAY_AFTER_HOURS + 12) * HOUR_MS
  const swept = await createWorkerOrphanSweep(config, aws, pino({ level: 'silent' }), () => later).runOnce()
  if (!swept) throw new Error('Another sweep of orphans holds the claim.')
  return swept
}
