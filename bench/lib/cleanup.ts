type Close = () => Promise<unknown> | unknown

/**
 * Runs work that starts things, and closes all of them at its end, even if it fails. The last one started is closed
 * first.
 */
export async function withCleanup<T>(work: (onEnd: (close: Close) => void) => Promise<T>): Promise<T> {
  const closes: Close[] = []
  try {
    return await work(close => closes.unshift(close))
  } finally {
    for (const close of closes) await close()
  }
}
