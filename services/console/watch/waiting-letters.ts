import type { DeadLetterArchive } from '../../worker/dead-letters/archive.ts'

/**
 * Resolves to the number of dead letters that were not redriven, up to a maximum. Each of them is an object that is read.
 *
 * @throws the error of S3
 */
export async function countWaiting(
  archive: Pick<DeadLetterArchive, 'list'>,
  max: number,
  signal: AbortSignal,
): Promise<number> {
  let count = 0
  for await (const _ of archive.list({ redriven: false })) {
    count++
    if (count === max || signal.aborted) break
  }
  return count
}
