/** How many jobs run at a time. */
export const LANES = 8

/** Runs a job for each number below the count, some at a time. Rejects with the first job that does. */
export async function inLanes(count: number, job: (n: number) => Promise<void>): Promise<void> {
  let next = 0
  const lane = async () => {
    while (next < count) await job(next++)
  }
  await Promise.all(Array.from({ length: LANES }, lane))
}
