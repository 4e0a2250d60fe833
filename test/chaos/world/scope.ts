/** Teardown functions, called in reverse order. Gives a program what a test has. */
export interface Scope {
  teardown(undo: () => unknown): void
}

const SIGNALS = ['SIGINT', 'SIGTERM'] as const

/** Runs the work and then the teardowns, also after an error or a signal. */
export async function withScope<T>(work: (scope: Scope) => Promise<T>): Promise<T> {
  const undoing: Array<() => unknown> = []
  async function undoAll(): Promise<void> {
    for (let undo = undoing.pop(); undo; undo = undoing.pop()) await undo()
  }
  const end = (signal: NodeJS.Signals) => {
    // Without a listener, the same signal ends the program with its usual exit code.
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
