import closeWithGrace from 'close-with-grace'
import type { Logger } from './log.ts'

export interface ShutdownSettings {
  /** Maximum duration of the shutdown, in milliseconds. After it the process exits with 1. */
  timeoutMs: number
  log: Pick<Logger, 'info' | 'error'>
  /**
   * Closes the service.
   *
   * @param error the uncaught error that ends the process. Undefined after a signal
   */
  close(error: Error | undefined): Promise<void>
  /** Exports remaining traces after `close`, within the given milliseconds. */
  flush?: ((withinMs: number) => Promise<void>) | undefined
}

/** Part of the shutdown time that is kept free, so that the process can exit with 0 in time. */
const SPARE_MS = 500
/** Maximum time for the export of traces. */
const MAX_FLUSH_MS = 3_000

/** The message of the log line that has the error which ends a process. */
export const UNCAUGHT_ERROR = 'stopping after an uncaught error'

/**
 * Closes the service and exits on SIGTERM, SIGINT, an uncaught exception or an unhandled rejection. The exit code is 0 after a signal,
 * and 1 after an error or a timeout.
 */
export function closeOnSignal({ timeoutMs, log, close, flush }: ShutdownSettings): void {
  closeWithGrace({ delay: timeoutMs, logger: false }, async ({ signal, err }) => {
    const beganAt = performance.now()
    if (err) log.error({ err }, UNCAUGHT_ERROR)
    else log.info({ signal }, 'stopping')
    await close(err)
    const leftMs = timeoutMs - SPARE_MS - (performance.now() - beganAt)
    await flush?.(Math.max(0, Math.min(MAX_FLUSH_MS, leftMs)))
    log.info('stopped')
  })
}
