type Close = () => Promise<unknown> | unknown

/**
 * Runs work that starts things, and closes all of them when it ends, also when it fails. The last one started is the first
 * one closed.
 */
export async function withCleanup<T>(work: (onEnd: (close: Close) => void) => Promise<T>): Promise<T> {
  const closes: Close[] = []
  try {
    return await work(close => closes.unshift(close))
  } finally {
    for (const close of closes) await close()
  }
}
