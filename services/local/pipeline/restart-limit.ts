export interface RestartLimitSettings {
  /** How many restarts there may be within the time. */
  most: number
  withinMs: number
  /** Milliseconds on any clock that does not jump. */
  now?: () => number
}

/** Tells whether what died may be started again, and counts that it is. */
export function createRestartLimit({ most, withinMs, now = () => performance.now() }: RestartLimitSettings) {
  let restarts: number[] = []
  return (): boolean => {
    const time = now()
    restarts = restarts.filter(at => time - at < withinMs)
    if (restarts.length >= most) return false
    restarts.push(time)
    return true
  }
}
