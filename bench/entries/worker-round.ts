import { setTimeout as pass } from 'node:timers/promises'
import { BenchError } from '../lib/errors.ts'
import type { Usage } from '../lib/probe.ts'
import { CONTENT } from '../sink/example.ts'
import type { SinkCounts } from '../sink/index.ts'
import { type RunningContender, type Servers, uploadsOf } from './worker-contenders.ts'

export interface WorkerSample {
  uploadsPerSecond: number
  /** User and system time of the contender's process only. */
  cpuMicrosPerUpload: number
  peakRssMiB: number
}

const ROUND_TIMEOUT_MS = 120_000
const LOOK_MS = 10

/**
 * Measures one round of uploads.
 *
 * @throws BenchError if an upload was not processed in time, or not exactly once
 */
export async function measureWork(contender: RunningContender, { sink, profile }: Servers): Promise<WorkerSample> {
  const { child, work, begin, name } = contender
  const uploads = uploadsOf(profile)
  const last = work.updates > 0 ? 'updates' : 'objects'
  const start = await sink.counts()
  const before = await child.ask<Usage>('usage')
  let seconds = 0
  const reached = await sink.during(async () => {
    const startedAt = performance.now()
    await begin()
    await Promise.race([untilDone(), child.death])
    seconds = (performance.now() - startedAt) / 1_000
  })
  const after = await child.ask<Usage>('usage')
  checkWork(contender, uploads, reached)
  return {
    uploadsPerSecond: uploads / seconds,
    cpuMicrosPerUpload: (after.cpuMicros - before.cpuMicros) / uploads,
    peakRssMiB: after.peakRssBytes / 1024 ** 2,
  }

  async function untilDone(): Promise<void> {
    const deadline = performance.now() + ROUND_TIMEOUT_MS
    while ((await sink.counts())[last] - start[last] < uploads * work[last]) {
      if (performance.now() > deadline) throw new BenchError(`${name} did not process ${uploads} uploads in time.`)
      await pass(LOOK_MS)
    }
  }
}

/**
 * Checks that each upload was processed exactly once. Failed or duplicate work must not count as speed.
 *
 * @throws BenchError
 */
export function checkWork(
  { name, work }: Pick<RunningContender, 'name' | 'work'>,
  uploads: number,
  reached: SinkCounts,
): void {
  const expected = { ...work, objectBytes: work.objects * CONTENT.length }
  for (const [what, perUpload] of Object.entries(expected)) {
    const count = reached[what as keyof typeof expected]
    if (count === perUpload * uploads) continue
    throw new BenchError(`${name} had ${uploads} uploads, but the sink counted ${count} ${what}: the figures are void.`)
  }
}
