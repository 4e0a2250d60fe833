import { loadConfig } from '../platform/config/load.ts'
import { relayConfigSchema } from '../platform/config/worker.ts'
import { createLogger } from '../platform/log.ts'
import { createOutboxRelay } from './outbox-relay.ts'
import { createRelayHandler } from './relay-handler.ts'
import { createWorkerServices } from './services.ts'

const config = loadConfig(relayConfigSchema, process.env)
const log = createLogger({ level: config.LOG_LEVEL, role: 'worker' })
const services = createWorkerServices(config, log)

/** The outbox relay for Lambda, on a schedule: where a function processes the stream, no container is there to do it. */
export const handler = createRelayHandler({
  createRelay: () =>
    createOutboxRelay({ ...services, graceMs: config.OUTBOX_GRACE_MS, intervalMs: config.OUTBOX_GRACE_MS, log }),
  onPass: oldestMs => services.tell({ OutboxAge: oldestMs / 1_000 }),
})
