/** What has to be undone at the end, the last first: what a test has by itself, for a program. */
export interface Scope {
  teardown(undo: () => unknown): void
}

/** Runs the work and undoes what it has set up, however it ends. */
export async function withScope<T>(work: (scope: Scope) => Promise<T>): Promise<T> {
  const undoing: Array<() => unknown> = []
  try {
    return await work({ teardown: undo => void undoing.push(undo) })
  } finally {
    for (const undo of undoing.reverse()) await undo()
  }
}
