import { setTimeout as delay } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import type { ApiConfig } from '../../platform/config/api.ts'
import type { Logger } from '../../platform/log.ts'

export interface StopSettings {
  /** How long the app keeps serving after its readiness check fails, in milliseconds, until load balancers have noticed. */
  delayMs: number
  /** How long requests in flight may take after that, in milliseconds. */
  drainMs: number
  log: Pick<Logger, 'info' | 'warn'>
}

/** Maximum time for aborted uploads to remove what they have stored, in milliseconds. */
const CLEAN_UP_MS = 5_000

/** Divides the time of a stop into its phases. */
export function stopPhases(config: Pick<ApiConfig, 'SHUTDOWN_DELAY_MS' | 'SHUTDOWN_TIMEOUT_MS'>) {
  const total = config.SHUTDOWN_TIMEOUT_MS
  const cleanUpMs = Math.min(CLEAN_UP_MS, total / 4)
  const delayMs = Math.min(config.SHUTDOWN_DELAY_MS, total / 2)
  return { delayMs, drainMs: total - cleanUpMs - delayMs }
}

type Stoppable = Pick<FastifyInstance, 'announceStop' | 'close' | 'server'>

/**
 * Stops the app in phases: its readiness check fails, it accepts no new connections, and it waits for the requests in flight.
 * Then it closes all connections, so that the remaining uploads fail and remove what they have stored.
 */
export async function stopInPhases(app: Stoppable, { delayMs, drainMs, log }: StopSettings): Promise<void> {
  app.announceStop()
  if (delayMs > 0) await delay(delayMs)
  log.info({ drainMs }, 'accepting no new connections')
  const timer = setTimeout(() => {
    log.warn('aborting requests that did not end in time')
    app.server.closeAllConnections()
  }, drainMs)
  try {
    await app.close()
  } finally {
    clearTimeout(timer)
  }
}
