import { type Notice, noticeOf } from './log-notice.ts'

/** Shows what goes wrong in the api and the workers, in the terminal. */
export interface Notices {
  /** Takes a line that a child wrote. */
  onLine(name: string, line: string): void
  /** Returns whether an upload has failed at least twice in a row. */
  isRetried(uploadId: string): boolean
  /** Forgets what was shown, so that the next failure of every upload is shown at once. */
  reset(): void
  /** Shows how many lines were left out, if any. */
  stop(): void
}

export interface NoticesSettings {
  print(line: string): void
  /** Where all lines are, if they are kept. */
  logs: string | undefined
  /** A monotonic clock, in milliseconds. */
  now?: () => number
}

/** A notice that repeats another one is shown again after this time, then after twice as long, and so on. */
const FIRST_REPEAT_MS = 60_000
const MAX_REPEAT_MS = 3_600_000
/** At most this many notices are shown in this time, so that a thousand failing uploads do not hide everything else. */
const MAX_IN_WINDOW = 20
const WINDOW_MS = 10_000
/** Maximum number of notices that are remembered. */
const MAX_REMEMBERED = 10_000

/**
 * Prints one line for each upload that fails, for each upload that is retried, and for each warning or error. What repeats is printed
 * more and more rarely.
 */
export function createNotices({ print, logs, now = () => performance.now() }: NoticesSettings): Notices {
  const repeats = new Map<string, { waitMs: number; nextAt: number }>()
  const retried = new Set<string>()
  /** Children that have written to their log. Before that, a child prints why it cannot start, which is reported as its death. */
  const running = new Set<string>()
  let shownInWindow = 0
  let leftOut = 0
  let window: NodeJS.Timeout | undefined

  function isDue({ kind, key }: Notice): boolean {
    // Every failed upload is news, and a transform that is being written may print the same line for each upload.
    if (kind === 'failed' || kind === 'printed') return true
    const at = now()
    const last = repeats.get(key)
    if (last && at < last.nextAt) return false
    const waitMs = last ? Math.min(MAX_REPEAT_MS, last.waitMs * 2) : FIRST_REPEAT_MS
    repeats.delete(key)
    repeats.set(key, { waitMs, nextAt: at + waitMs })
    forgetOldest(repeats)
    return true
  }

  function endWindow(): void {
    clearTimeout(window)
    window = undefined
    shownInWindow = 0
    if (leftOut > 0) print(`${leftOut} more such lines${logs === undefined ? '.' : `: they are in ${logs}`}`)
    leftOut = 0
  }

  return {
    onLine(name, line) {
      if (line.startsWith('{')) running.add(name)
      const notice = noticeOf(name, line)
      if (!notice || !running.has(name)) return
      const { uploadId, attempt = 1 } = notice
      if (uploadId !== undefined && attempt > 1) {
        retried.add(uploadId)
        forgetOldest(retried)
      }
      if (!isDue(notice)) return
      window ??= setTimeout(endWindow, WINDOW_MS).unref()
      if (shownInWindow++ < MAX_IN_WINDOW) print(notice.text)
      else leftOut++
    },
    isRetried: uploadId => retried.has(uploadId),
    reset() {
      repeats.clear()
      retried.clear()
    },
    stop: endWindow,
  }
}

function forgetOldest(remembered: Map<string, unknown> | Set<string>): void {
  const [oldest] = remembered.keys()
  if (remembered.size > MAX_REMEMBERED && oldest !== undefined) remembered.delete(oldest)
}
