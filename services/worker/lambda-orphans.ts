/** The sweep of orphans as a Lambda function, for a schedule of about 15 minutes. It starts a pass if one is due. */
import { loadConfig } from '../platform/config/load.ts'
import { orphansConfigSchema } from '../platform/config/worker.ts'
import { createLogger } from '../platform/log.ts'
import { type TimeLeft, withinInvocation } from './lambda/within-invocation.ts'
import type { SweepResult } from './orphans/pass.ts'
import { createWorkerOrphanSweep } from './orphans/sweep.ts'
import { createWorkerServices } from './services.ts'

const config = loadConfig(orphansConfigSchema, process.env)
const log = createLogger({ level: config.LOG_LEVEL, role: 'orphans' })
const services = await createWorkerServices(config, log)

/**
 * The handler of the sweep on Lambda: `services/worker/lambda-orphans.handler`. Of concurrent invocations, one holds the claim on a section. The
 * next invocation continues the passes that did not finish.
 */
export async function handler(_event: unknown, context: TimeLeft): Promise<SweepResult | Record<string, never>> {
  const sweep = createWorkerOrphanSweep(config, services, log)
  const swept = await withinInvocation(context, { run: () => sweep.runOnce(), stop: () => sweep.stop() })
  return swept ?? {}
}
