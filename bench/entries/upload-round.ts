import { startChild } from '../lib/child.ts'
import { BenchError } from '../lib/errors.ts'
import type { Usage } from '../lib/probe.ts'
import type { Sink, SinkCounts } from '../sink/index.ts'
import type { LargeFileContender } from './upload-contenders.ts'

export interface LargeFileRound {
  /** Bytes. */
  size: number
  token: string
  env: NodeJS.ProcessEnv
  sink: Sink
}

export interface LargeFileSample {
  /** User and system time of the contender's process only. */
  cpuSecondsPerGiB: number
  /** The peak memory of the process, minus its memory when it was idle. */
  overIdleMiB: number
  mibPerSecond: number
}

const MIB = 1024 ** 2
/** One small file is sent first, so that code that is loaded and compiled at the first upload does not count. */
const FIRST_BYTES = 64 * 1024
const TIMEOUT_MS = 300_000

/**
 * Sends one large file through its own process, because the peak memory of a process never falls.
 *
 * @throws BenchError if the file did not reach the sink exactly once and completely
 */
export async function measureLargeFile(contender: LargeFileContender, round: LargeFileRound): Promise<LargeFileSample> {
  const { name, entry, send } = contender
  const { size, token, env, sink } = round
  const child = startChild({ name, entry, env: { ...env, ...contender.env } })
  try {
    const url = `http://127.0.0.1:${await child.waitFor<number>('listening')}`
    const signal = AbortSignal.timeout(TIMEOUT_MS)
    await Promise.race([send({ url, token, size: FIRST_BYTES, signal }), child.death])
    const before = await child.ask<Usage>('usage')
    let seconds = 0
    const reached = await sink.during(async () => {
      const started = performance.now()
      await Promise.race([send({ url, token, size, signal }), child.death])
      seconds = (performance.now() - started) / 1_000
    })
    const after = await child.ask<Usage>('usage')
    checkWhole(contender, size, reached)
    return {
      cpuSecondsPerGiB: (after.cpuMicros - before.cpuMicros) / 1e6 / (size / 1024 ** 3),
      overIdleMiB: (after.peakRssBytes - before.rssBytes) / MIB,
      mibPerSecond: size / MIB / seconds,
    }
  } finally {
    await child.stop()
  }
}

/** @throws BenchError */
export function checkWhole(
  { name, events }: Pick<LargeFileContender, 'name' | 'events'>,
  size: number,
  reached: SinkCounts,
): void {
  const expected = { assembled: 1, assembledBytes: size, records: events }
  for (const [what, count] of Object.entries(expected)) {
    const found = reached[what as keyof typeof expected]
    if (found !== count)
      throw new BenchError(`${name}: the sink counted ${found} ${what} instead of ${count}: the figures are void.`)
  }
}
