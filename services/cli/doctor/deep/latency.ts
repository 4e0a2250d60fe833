import { type ApiClient, expectStatus } from './api-client.ts'
import { type Step, uploadOf, waitUntilProcessed } from './step.ts'

/** The latency of several similar requests, in milliseconds. */
export interface Latency {
  count: number
  p50: number
  p99: number
  max: number
}

export interface Measurements {
  /** The first request of all. A cold start, if the api got no request for some minutes before. */
  firstMs: number
  /** Concurrent requests. On Lambda most of them start an environment each. */
  atOnce: Latency
  /** `POST /uploads` with a small file, one request after the other. */
  upload: Latency
  /** `GET /uploads/{id}`, one request after the other. */
  read: Latency
  /** From `uploadedAt` to the end of processing, by the clocks of the deployment. */
  processing: Latency
}

const AT_ONCE = 10
const CONTENT = 'x'.repeat(1_000)

/** The first request to the api. Its time may include a cold start. */
export const firstRequest: Step = {
  id: 'first-request',
  title: 'the api responds to the first request',
  // API Gateway ends a request after 29 s, and a load balancer after 60 s.
  timeoutMs: 65_000,
  async run(api) {
    expectStatus(await api.request('/uploads?limit=1'), 200)
    return 'the api responds'
  },
}

/** Returns the step that measures the deployment with small uploads. */
export function latencyStep(requests: number, firstMs: number, onMeasured: (measurements: Measurements) => void): Step {
  return {
    id: 'latency',
    title: `${requests} small uploads, one after the other, are accepted and processed`,
    timeoutMs: 600_000,
    async run(api) {
      // The concurrent requests come first, while few environments run.
      const atOnce = await Promise.all(Array.from({ length: AT_ONCE }, () => read(api, '/uploads?limit=1')))
      const uploads: Array<{ uploadId: string; ms: number }> = []
      for (let index = 0; index < requests; index++) {
        const response = await api.request('/uploads', {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ filename: `headgate-doctor-${index}.txt`, content: CONTENT }),
        })
        expectStatus(response, 200, 202)
        uploads.push({ uploadId: uploadOf(response), ms: response.ms })
      }
      const reads: number[] = []
      for (const { uploadId } of uploads) reads.push(await read(api, `/uploads/${uploadId}`))
      const processing: number[] = []
      for (const { uploadId } of uploads) {
        const { uploadedAt, updatedAt } = await waitUntilProcessed(api, uploadId)
        processing.push(Date.parse(String(updatedAt)) - Date.parse(String(uploadedAt)))
      }
      const upload = latencyOf(uploads.map(({ ms }) => ms))
      onMeasured({
        firstMs,
        atOnce: latencyOf(atOnce),
        upload,
        read: latencyOf(reads),
        processing: latencyOf(processing),
      })
      return `an upload takes ${Math.round(upload.p50)} ms (p50), ${Math.round(upload.p99)} ms (p99)`
    },
  }
}

async function read(api: ApiClient, path: string): Promise<number> {
  return expectStatus(await api.request(path), 200).ms
}

/** Returns percentiles by the nearest-rank method: the p99 of 50 requests is the slowest one. */
export function latencyOf(ms: readonly number[]): Latency {
  const sorted = ms.toSorted((a, b) => a - b)
  const rank = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0
  return { count: sorted.length, p50: rank(0.5), p99: rank(0.99), max: rank(1) }
}
