import closeWithGrace from 'close-with-grace'
import type { Logger } from './log.ts'

export interface ShutdownSettings {
  /** How long `close` may take, in milliseconds. After it the process exits with 1. */
  timeoutMs: number
  log: Pick<Logger, 'info' | 'error'>
  /** @param error what nobody has caught, where it is that which ends the process */
  close(error: Error | undefined): Promise<void>
  /** What is told last, in the time that is left then, in milliseconds. */
  last?: ((withinMs: number) => Promise<void>) | undefined
}

/** Of the time of a stop, what nothing may take: to exit with 0 in it. */
const SPARE_MS = 500
/** Of what is left of it, what may be spent on being heard. */
const LAST_MS = 3_000

/**
 * Ends the process on SIGTERM, SIGINT, an uncaught exception or an unhandled rejection, `close` first. Exits with 0 after
 * a signal, with 1 after an error or when the time is up.
 */
export function closeOnSignal({ timeoutMs, log, close, last }: ShutdownSettings): void {
  closeWithGrace({ delay: timeoutMs, logger: false }, async ({ signal, err }) => {
    const beganAt = performance.now()
    if (err) log.error({ err }, 'stopping after an error that nobody caught')
    else log.info({ signal }, 'stopping')
    await close(err)
    const leftMs = timeoutMs - SPARE_MS - (performance.now() - beganAt)
    await last?.(Math.max(0, Math.min(LAST_MS, leftMs)))
    log.info('stopped')
  })
}
