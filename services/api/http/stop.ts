import { setTimeout as delay } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import type { ApiConfig } from '../../platform/config/api.ts'
import type { Logger } from '../../platform/log.ts'

export interface StopSettings {
  /** How long the app serves on once it has said that it stops, in milliseconds: until load balancers have heard. */
  delayMs: number
  /** How long requests that are under way then may take, in milliseconds. */
  drainMs: number
  log: Pick<Logger, 'info' | 'warn'>
}

/** How long what is broken off may take to take back what it had stored, in milliseconds, at most. */
const TIDY_MS = 5_000

/** Divides the time that a stop has. */
export function stopPhases(config: Pick<ApiConfig, 'SHUTDOWN_DELAY_MS' | 'SHUTDOWN_TIMEOUT_MS'>) {
  const total = config.SHUTDOWN_TIMEOUT_MS
  const tidyMs = Math.min(TIDY_MS, total / 4)
  const delayMs = Math.min(config.SHUTDOWN_DELAY_MS, total / 2)
  return { delayMs, drainMs: total - tidyMs - delayMs }
}

type Stoppable = Pick<FastifyInstance, 'announceStop' | 'close' | 'server'>

/**
 * Stops in phases: not ready any more, no new connections, the end of what is under way, and then the connections of what is
 * left are cut, so that its uploads fail and take back what they had stored.
 */
export async function stopInPhases(app: Stoppable, { delayMs, drainMs, log }: StopSettings): Promise<void> {
  app.announceStop()
  if (delayMs > 0) await delay(delayMs)
  log.info({ drainMs }, 'no new connections')
  const timer = setTimeout(() => {
    log.warn('requests that did not end in time are broken off')
    app.server.closeAllConnections()
  }, drainMs)
  try {
    await app.close()
  } finally {
    clearTimeout(timer)
  }
}
