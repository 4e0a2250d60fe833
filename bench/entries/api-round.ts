import { BenchError } from '../lib/errors.ts'
import { postAll } from '../lib/load.ts'
import type { Usage } from '../lib/probe.ts'
import { CONTENT } from '../sink/example.ts'
import type { Sink, SinkCounts } from '../sink/index.ts'
import type { UploadContender } from './api-contenders.ts'

export interface UploadRound {
  uploads: number
  connections: number
  token: string
  sink: Sink
}

export interface Sample {
  uploadsPerSecond: number
  /** User and system time of the contender's process only. */
  cpuMicrosPerUpload: number
  /** Since the start of the process. */
  peakRssMiB: number
}

const ROUND_TIMEOUT_MS = 120_000

/**
 * Measures one round of uploads.
 *
 * @throws BenchError if an upload failed, or did not reach the sink exactly once
 */
export async function measureUploads(contender: UploadContender, round: UploadRound): Promise<Sample> {
  const { child, url } = contender
  const { uploads, connections, token, sink } = round
  const before = await child.ask<Usage>('usage')
  let seconds = 0
  const reached = await sink.during(async () => {
    const load = postAll({
      url: `${url}/uploads`,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: n => JSON.stringify({ filename: `demo-${n}.txt`, content: CONTENT }),
      requests: uploads,
      connections,
      timeoutMs: ROUND_TIMEOUT_MS,
    })
    seconds = await Promise.race([load, child.death])
  })
  const after = await child.ask<Usage>('usage')
  checkTraces(contender, uploads, reached)
  return {
    uploadsPerSecond: uploads / seconds,
    cpuMicrosPerUpload: (after.cpuMicros - before.cpuMicros) / uploads,
    peakRssMiB: after.peakRssBytes / 1024 ** 2,
  }
}

/**
 * Checks that each upload reached the sink exactly once. Failed or duplicate work must not count as speed.
 *
 * @throws BenchError
 */
export function checkTraces(
  { name, traces }: Pick<UploadContender, 'name' | 'traces'>,
  uploads: number,
  reached: SinkCounts,
): void {
  const expected = { ...traces, objectBytes: traces.objects * CONTENT.length }
  for (const [what, perUpload] of Object.entries(expected)) {
    const count = reached[what as keyof typeof expected]
    if (count === perUpload * uploads) continue
    throw new BenchError(
      `${name} accepted ${uploads} uploads, but the sink counted ${count} ${what}: the figures are void.`,
    )
  }
}
