/**
 * Calls `work` with each item, with a limited number of calls in flight. Resolves when all calls have ended, and rejects
 * with the first error. No further call starts after an error.
 */
export async function inParallel<T>(
  items: readonly T[],
  atOnce: number,
  work: (item: T) => Promise<unknown>,
): Promise<void> {
  const left = items[Symbol.iterator]()
  const errors: unknown[] = []
  const run = async () => {
    for (const item of left) {
      if (errors.length > 0) return
      try {
        await work(item)
      } catch (error) {
        errors.push(error)
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, run))
  if (errors.length > 0) throw errors[0]
}
