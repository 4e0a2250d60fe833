import closeWithGrace from 'close-with-grace'
import type { Logger } from './log.ts'

export interface ShutdownSettings {
  /** How long `close` may take, in milliseconds. After it the process exits with 1. */
  timeoutMs: number
  log: Pick<Logger, 'info' | 'error'>
  /** @param error what nobody has caught, where it is that which ends the process */
  close(error: Error | undefined): Promise<void>
}

/**
 * Ends the process on SIGTERM, SIGINT, an uncaught exception or an unhandled rejection, `close` first. Exits with 0 after
 * a signal, with 1 after an error or when the time is up.
 */
export function closeOnSignal({ timeoutMs, log, close }: ShutdownSettings): void {
  closeWithGrace({ delay: timeoutMs, logger: false }, async ({ signal, err }) => {
    if (err) log.error({ err }, 'stopping after an error that nobody caught')
    else log.info({ signal }, 'stopping')
    await close(err)
    log.info('stopped')
  })
}
