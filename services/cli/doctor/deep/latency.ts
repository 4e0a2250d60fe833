import { type ApiClient, expectStatus } from './api-client.ts'
import { type Step, uploadOf, waitUntilProcessed } from './step.ts'

/** Milliseconds of several requests of a kind. */
export interface Latency {
  count: number
  p50: number
  p99: number
  max: number
}

export interface Measurements {
  /** The very first request. A cold start of the api, where nothing has called it for some minutes. */
  firstMs: number
  /** Requests that were sent at once. On Lambda most of them have to start an environment each. */
  atOnce: Latency
  /** `POST /uploads` with a small file, one after the other. */
  upload: Latency
  /** `GET /uploads/{id}`, one after the other. */
  read: Latency
  /** From the answer's `uploadedAt` to the end of processing, by the clocks of the deployment. */
  processing: Latency
}

const AT_ONCE = 10
const CONTENT = 'x'.repeat(1_000)

/** The first request of all, before anything else has asked the api: its time is that of a cold start. */
export const firstRequest: Step = {
  id: 'first-request',
  title: 'the api answers its first request',
  // API Gateway gives up after 29 s. A load balancer waits for 60 s.
  timeoutMs: 65_000,
  async run(api) {
    expectStatus(await api.request('/uploads?limit=1'), 200)
    return 'the api answers'
  },
}

/** Measures the deployment by small uploads, which are deleted in the end. `measured` is given the results. */
export function latencyStep(requests: number, firstMs: number, measured: (latencies: Measurements) => void): Step {
  return {
    id: 'latency',
    title: `${requests} small uploads, one after the other, are taken and processed`,
    timeoutMs: 600_000,
    async run(api) {
      // First, while as few environments as possible are there.
      const atOnce = await Promise.all(Array.from({ length: AT_ONCE }, () => read(api, '/uploads?limit=1')))
      const uploads: Array<{ uploadId: string; ms: number }> = []
      for (let index = 0; index < requests; index++) {
        const answer = await api.request('/uploads', {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ filename: `headgate-doctor-${index}.txt`, content: CONTENT }),
        })
        expectStatus(answer, 200, 202)
        uploads.push({ uploadId: uploadOf(answer), ms: answer.ms })
      }
      const reads: number[] = []
      for (const { uploadId } of uploads) reads.push(await read(api, `/uploads/${uploadId}`))
      const processing: number[] = []
      for (const { uploadId } of uploads) {
        const { uploadedAt, updatedAt } = await waitUntilProcessed(api, uploadId)
        processing.push(Date.parse(String(updatedAt)) - Date.parse(String(uploadedAt)))
      }
      const upload = latencyOf(uploads.map(({ ms }) => ms))
      measured({
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

/** Percentiles by the nearest rank: of 50 requests p99 is the slowest. */
export function latencyOf(ms: readonly number[]): Latency {
  const sorted = ms.toSorted((a, b) => a - b)
  const rank = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0
  return { count: sorted.length, p50: rank(0.5), p99: rank(0.99), max: rank(1) }
}
