/** Measures whether work grows in proportion to its input. */

/** The runs of a size whose fastest counts: garbage collection and compilation only ever add to the time. */
const RUNS = 2

/** A factor over this is measured again: compilation may have come in between. */
const DOUBTFUL = 6
const MAX_TIMES = 3

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
 * `noiseMicros` count as that long. What leaves the caches of the processor grows faster for one step, linear as it is: a
 * factor that stays doubtful is taken from two steps.
 */
export async function growthOf(
  work: (size: number) => Promise<unknown>,
  { size, noiseMicros = 10_000 }: { size: number; noiseMicros?: number },
): Promise<{ factor: number; micros: number }> {
  await work(size / 4)
  let [small, micros, factor] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 0]
  for (let time = 0; time < MAX_TIMES && (time === 0 || factor > DOUBTFUL); time++) {
    small = Math.min(small, await leastTime(() => work(size)))
    micros = Math.min(micros, await leastTime(() => work(4 * size)))
    factor = micros / Math.max(small, noiseMicros)
  }
  if (factor <= DOUBTFUL) return { factor, micros }
  const afterTwo = await leastTime(() => work(16 * size))
  return { factor: Math.sqrt(afterTwo / Math.max(small, noiseMicros)), micros }
}
