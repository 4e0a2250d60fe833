/** Measures whether work grows in proportion to its input. */

/** The runs of a size whose fastest counts: garbage collection and compilation only ever add to the time. */
const RUNS = 2

/** Returns the least processor time of this thread that a run took, in microseconds. What other processes do does not count. */
async function leastTime(work: () => Promise<unknown>): Promise<number> {
  let least = Number.POSITIVE_INFINITY
  for (let run = 0; run < RUNS; run++) {
    const before = process.threadCpuUsage()
    await work()
    const { user, system } = process.threadCpuUsage(before)
    least = Math.min(least, user + system)
  }
  return least
}

/**
 * Returns how many times longer four times the input takes: about 4 for linear work, 16 for quadratic work. Times below
 * `noiseMicros` count as that long.
 */
export async function growthOf(
  work: (size: number) => Promise<unknown>,
  { size, noiseMicros = 10_000 }: { size: number; noiseMicros?: number },
): Promise<{ factor: number; micros: number }> {
  await work(size / 4)
  const small = await leastTime(() => work(size))
  const micros = await leastTime(() => work(4 * size))
  return { factor: micros / Math.max(small, noiseMicros), micros }
}
