import { BenchError } from '../lib/errors.ts'
import type { Usage } from '../lib/probe.ts'
import type { Source } from '../source/index.ts'
import type { RunningConsumer } from './consumer-contenders.ts'

export interface ConsumerSample {
  recordsPerSecond: number
  /** User and system time of the contender's process only. */
  cpuMicrosPerRecord: number
}

const ROUND_TIMEOUT_MS = 120_000

/**
 * Releases the records of one round to a consumer and measures it.
 *
 * @param round the number of this consumer's round, from 1
 * @throws BenchError if a record was not handled in time, or not exactly once
 */
export async function measureRound(
  { child, stream, profile }: RunningConsumer,
  round: number,
  source: Source,
): Promise<ConsumerSample> {
  const records = profile.recordsPerReply * profile.repliesPerRound
  const before = await child.ask<Usage>('usage')
  const startedAt = performance.now()
  await source.release(stream)
  await within(child.waitFor<number>(`round ${round}`), `${child.name} did not handle ${records} records`)
  const seconds = (performance.now() - startedAt) / 1_000
  const after = await child.ask<Usage>('usage')
  checkHandled(child.name, await child.ask<number>('handled'), records * round)
  return {
    recordsPerSecond: records / seconds,
    cpuMicrosPerRecord: (after.cpuMicros - before.cpuMicros) / records,
  }
}

/** @throws BenchError if the number of handled records is wrong */
export function checkHandled(name: string, handled: number, given: number): void {
  if (handled !== given) throw new BenchError(`${name} received ${given} records and handled ${handled}.`)
}

async function within<T>(promise: Promise<T>, failure: string): Promise<T> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    late.reject(new BenchError(`${failure} within ${ROUND_TIMEOUT_MS / 1_000} s.`))
  }, ROUND_TIMEOUT_MS)
  try {
    return await Promise.race([promise, late.promise])
  } finally {
    clearTimeout(timer)
  }
}
