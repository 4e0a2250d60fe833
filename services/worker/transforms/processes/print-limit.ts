export interface PrintLimitSettings {
  /** Receives what is passed on. */
  write(bytes: Buffer | string): void
  /** Maximum number of bytes that are passed on in a period. @default 65,536 */
  maxBytes?: number
  /** @default 1,000 */
  periodMs?: number
  /** Milliseconds on any clock that does not jump. */
  now?: () => number
}

/** One note for each period in which something was dropped. */
const NOTE = '\nA transform prints too much: some of its output is dropped.\n'

/**
 * Returns a function that passes on what a process prints, up to a maximum in each period, and drops the rest. A module that prints
 * without end then fills neither the log nor the memory of whoever reads it.
 */
export function createPrintLimit(settings: PrintLimitSettings): (bytes: Buffer) => void {
  const { write, maxBytes = 64 * 1024, periodMs = 1_000, now = () => performance.now() } = settings
  let periodEndsAt = Number.NEGATIVE_INFINITY
  let left = 0
  let isNoted = false
  return bytes => {
    if (now() >= periodEndsAt) {
      periodEndsAt = now() + periodMs
      left = maxBytes
      isNoted = false
    }
    if (left > 0) write(bytes.subarray(0, left))
    if (bytes.byteLength > left && !isNoted) {
      isNoted = true
      write(NOTE)
    }
    left = Math.max(0, left - bytes.byteLength)
  }
}
