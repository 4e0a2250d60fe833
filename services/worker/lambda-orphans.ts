/** The sweep of strays as a Lambda function, for a schedule of a quarter of an hour or so. It begins a pass where one is due. */
import { loadConfig } from '../platform/config/load.ts'
import { straysConfigSchema } from '../platform/config/worker.ts'
import { createLogger } from '../platform/log.ts'
import { type TimeLeft, withinInvocation } from './lambda/within-invocation.ts'
import type { SweepResult } from './orphans/pass.ts'
import { createWorkerOrphanSweep } from './orphans/sweep.ts'
import { createWorkerServices } from './services.ts'

const config = loadConfig(straysConfigSchema, process.env)
const log = createLogger({ level: config.LOG_LEVEL, role: 'strays' })
const services = await createWorkerServices(config, log)

/**
 * The entry for Lambda: `services/worker/lambda-orphans.handler`. Invocations side by side do no harm: one has the turn. A pass that
 * does not come to its end is gone on with by the next.
 */
export async function handler(_event: unknown, context: TimeLeft): Promise<SweepResult | Record<string, never>> {
  const sweep = createWorkerOrphanSweep(config, services, log)
  const swept = await withinInvocation(context, { run: () => sweep.runOnce(), stop: () => sweep.stop() })
  return swept ?? {}
}
