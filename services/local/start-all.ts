/** Something that can be stopped. */
export interface Stoppable {
  stop(): Promise<void>
}

/**
 * Resolves to the results of all starts. If one fails, the others are stopped, and then `release` is called.
 *
 * @throws the error of the first start that failed
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

/**
 * Stops each, even if stopping another fails. They stop at the same time, except the last, which stops after all
 * others.
 */
export async function stopAll(started: readonly Stoppable[]): Promise<void> {
  const results = await Promise.allSettled(started.slice(0, -1).map(server => server.stop()))
  results.push(...(await Promise.allSettled(started.slice(-1).map(server => server.stop()))))
  const errors = results.flatMap(result => (result.status === 'rejected' ? [result.reason] : []))
  if (errors.length === 1) throw errors[0]
  if (errors.length > 1) throw new AggregateError(errors, 'Several servers did not stop cleanly.')
}
