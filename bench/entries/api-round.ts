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
  /** Of the contender's process alone, user and system. */
  cpuMicrosPerUpload: number
  /** Since the process began. */
  peakRssMiB: number
}

const ROUND_TIMEOUT_MS = 120_000

/** @throws BenchError where not every upload was taken, or not every one of them has reached the sink */
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
 * Holds what reached the sink against what was answered: what fails, or is done twice, is not to be taken for speed.
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
      `${name} answered ${uploads} uploads, but the sink has ${count} ${what} of them, which is void.`,
    )
  }
}
