/** What can be ended. */
export interface Stoppable {
  stop(): Promise<void>
}

/**
 * Resolves to everything that is starting, when all of it has. Where one does not start the others are stopped, then
 * `release` is called.
 *
 * @throws the error of the first that did not start
 */
export async function startAll<const T extends ReadonlyArray<Promise<Stoppable>>>(
  starting: T,
  release: () => Promise<void>,
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  const results = await Promise.allSettled<Stoppable>(starting)
  try {
    return await Promise.all(starting)
  } catch (error) {
    const started = results.flatMap(result => (result.status === 'fulfilled' ? [result.value] : []))
    await stopAll([...started, { stop: release }])
    throw error
  }
}

/** Ends each, whatever becomes of the others; they may end in any order, but the last only after the others. */
export async function stopAll(started: readonly Stoppable[]): Promise<void> {
  const results = await Promise.allSettled(started.slice(0, -1).map(server => server.stop()))
  results.push(...(await Promise.allSettled(started.slice(-1).map(server => server.stop()))))
  const errors = results.flatMap(result => (result.status === 'rejected' ? [result.reason] : []))
  if (errors.length === 1) throw errors[0]
  if (errors.length > 1) throw new AggregateError(errors, 'Several servers did not stop as they should.')
}
