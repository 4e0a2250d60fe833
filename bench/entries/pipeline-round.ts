import { setTimeout as pass } from 'node:timers/promises'
import { BenchError } from '../lib/errors.ts'
import { postAll } from '../lib/load.ts'
import { CONTENT } from '../sink/example.ts'
import type { Scene } from './pipeline-scene.ts'

export interface PipelineWork {
  warmUp: number
  /** Uploads that are sent as fast as the api responds. */
  uploads: number
  connections: number
  /** Uploads that are sent one by one, slowly enough that no process is busy. */
  calm: number
  /** The interval between two of them, in milliseconds. */
  everyMs: number
}

export interface PipelineSample {
  uploadsPerSecond: number
  /** For each calm upload, the time from its response to `processed`, in milliseconds. */
  latencies: number[]
}

const TIMEOUT_MS = 120_000

export async function measurePipeline(scene: Scene, work: PipelineWork): Promise<PipelineSample> {
  const post = (requests: number) =>
    postAll({
      url: `${scene.api}/uploads`,
      headers: headersOf(scene),
      body: n => bodyOf(n),
      requests,
      connections: work.connections,
      timeoutMs: TIMEOUT_MS,
    })
  const measured = (async () => {
    await post(work.warmUp)
    await scene.untilProcessed(work.warmUp)

    const startedAt = Date.now()
    await post(work.uploads)
    const done = await scene.untilProcessed(work.warmUp + work.uploads)
    const endedAt = Math.max(...done.map(({ processedAt }) => processedAt))

    const answered = await uploadCalmly(scene, work)
    const all = await scene.untilProcessed(done.length + work.calm)
    return {
      uploadsPerSecond: (work.uploads * 1_000) / (endedAt - startedAt),
      latencies: all.flatMap(({ uploadId, processedAt }) => {
        const at = answered.get(uploadId)
        // A worker may finish before the client has read the response.
        return at === undefined ? [] : [Math.max(0, processedAt - at)]
      }),
    }
  })()
  return await Promise.race([measured, scene.death])
}

/** Uploads one by one. Resolves to the time of each response in epoch milliseconds, by upload id. */
async function uploadCalmly(scene: Scene, { calm, everyMs }: PipelineWork): Promise<Map<string, number>> {
  const answered = new Map<string, number>()
  const upload = async (n: number) => {
    const init = { method: 'POST', headers: headersOf(scene), body: bodyOf(n) }
    const response = await fetch(`${scene.api}/uploads`, init)
    const { uploadId } = (await response.json()) as { uploadId?: string }
    if (response.status !== 200 || uploadId === undefined) throw new BenchError(`POST /uploads: ${response.status}`)
    answered.set(uploadId, Date.now())
  }
  const started: Promise<void>[] = []
  for (let n = 0; n < calm; n++) {
    started.push(upload(n))
    await pass(everyMs)
  }
  await Promise.all(started)
  return answered
}

const headersOf = ({ token }: Scene) => ({ authorization: `Bearer ${token}`, 'content-type': 'application/json' })
const bodyOf = (n: number) => JSON.stringify({ filename: `demo-${n}.txt`, content: CONTENT })
