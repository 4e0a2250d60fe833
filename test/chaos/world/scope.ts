/** What has to be undone at the end, the last first: what a test has by itself, for a program. */
export interface Scope {
  teardown(undo: () => unknown): void
}

const SIGNALS = ['SIGINT', 'SIGTERM'] as const

/** Runs the work and undoes what it has set up, however it ends: also when a signal ends the program. */
export async function withScope<T>(work: (scope: Scope) => Promise<T>): Promise<T> {
  const undoing: Array<() => unknown> = []
  async function undoAll(): Promise<void> {
    for (let undo = undoing.pop(); undo; undo = undoing.pop()) await undo()
  }
  const end = (signal: NodeJS.Signals) => {
    // Without a listener the same signal ends the program, with the exit code that is usual for it.
    void undoAll().finally(() => process.kill(process.pid, signal))
  }
  for (const signal of SIGNALS) process.once(signal, end)
  try {
    return await work({ teardown: undo => void undoing.push(undo) })
  } finally {
    for (const signal of SIGNALS) process.off(signal, end)
    await undoAll()
  }
}
