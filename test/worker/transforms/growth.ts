/** Measures whether work is proportional to its input. */

/** Number of runs for each size. The fastest counts, because garbage collection and compilation only add time. */
const RUNS = 2

/** A larger factor is measured again, because compilation may have added time. */
const DOUBTFUL = 6
const MAX_TIMES = 3

/** Returns the CPU time of this thread in the fastest run, in microseconds. Work of other processes does not count. */
async function leastTime(work: () => Promise<unknown>, isEnough = (_micros: number) => false): Promise<number> {
  let least = Number.POSITIVE_INFINITY
  for (let run = 0; run < RUNS && !isEnough(least); run++) {
    const before = process.threadCpuUsage()
    await work()
    const { user, system } = process.threadCpuUsage(before)
    least = Math.min(least, user + system)
  }
  return least
}

/**
 * Returns the factor by which four times the input takes longer: about 4 for linear work, 16 for quadratic work. Times below
 * `noiseMicros` count as `noiseMicros`. Linear work grows faster in the step in which its data no longer fits into the caches of the
 * processor. So a factor that remains large is computed from two steps.
 */
export async function growthOf(
  work: (size: number) => Promise<unknown>,
  { size, noiseMicros = 10_000 }: { size: number; noiseMicros?: number },
): Promise<{ factor: number; micros: number }> {
  await work(size / 4)
  let [small, micros, factor] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 0]
  for (let time = 0; time < MAX_TIMES && (time === 0 || factor > DOUBTFUL); time++) {
    small = Math.min(small, await leastTime(() => work(size)))
    const base = Math.max(small, noiseMicros)
    // A further run can only make a small factor smaller, so it would not change the result.
    const isEnough = (least: number) => least <= DOUBTFUL * base
    micros = Math.min(micros, await leastTime(() => work(4 * size), isEnough))
    factor = micros / base
  }
  if (factor <= DOUBTFUL) return { factor, micros }
  const afterTwo = await leastTime(() => work(16 * size))
  return { factor: Math.sqrt(afterTwo / Math.max(small, noiseMicros)), micros }
}
