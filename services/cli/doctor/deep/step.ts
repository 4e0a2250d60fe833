import { setTimeout as wait } from 'node:timers/promises'
import { type ApiClient, type ApiResponse, expectStatus } from './api-client.ts'
import { StepFailedError } from './errors.ts'

/** One thing that a client does with a deployment. */
export interface Step {
  /** Stable, for scripts: `upload-json`. */
  id: string
  /** What holds where the step is ok, in a line. */
  title: string
  /** In milliseconds. */
  timeoutMs: number
  /** Resolves to what was seen. @throws StepFailedError */
  run(api: ApiClient): Promise<string>
}

export const STEP_TIMEOUT_MS = 180_000

/** How long an upload may take to be processed, the start of a worker included. */
const PROCESSED_WITHIN_MS = 90_000
/** The longest that the api lets an answer wait. Less than what API Gateway gives it. */
const WAIT_S = 20

/** Returns the id of the upload that an answer names. The client has remembered it. @throws StepFailedError */
export function uploadOf({ request: asked, body }: ApiResponse): string {
  const { uploadId } = body
  if (typeof uploadId !== 'string') {
    throw new StepFailedError(`${asked} names no upload`, 'Check that API_URL is the root of this api.')
  }
  return uploadId
}

/** Waits until an upload is processed. Resolves to the upload. @throws StepFailedError where it failed or takes too long */
export async function waitUntilProcessed(api: ApiClient, uploadId: string): Promise<Record<string, unknown>> {
  const deadline = performance.now() + PROCESSED_WITHIN_MS
  while (true) {
    const { body } = expectStatus(await api.request(`/uploads/${uploadId}?wait=${WAIT_S}`), 200)
    if (body.status === 'processed') return body
    if (body.status === 'failed') {
      const { code, reason } = (body.failure ?? {}) as Record<string, unknown>
      throw new StepFailedError(
        `the upload failed: ${code}: ${reason}`,
        'See the log of the worker, and `headgate dead-letters list`.',
      )
    }
    if (performance.now() > deadline) {
      throw new StepFailedError(
        `the upload was still ${body.status} after ${PROCESSED_WITHIN_MS / 1_000} s`,
        body.status === 'stored'
          ? 'Its event is not on the stream: see the check `put-record`, and OutboxAge in docs/how-to/runbook.md.'
          : 'Nobody has processed it: see the checks `mapping` or `leases`, and IteratorAge in docs/how-to/runbook.md.',
      )
    }
    // Something in front may not let the answer wait.
    await wait(250)
  }
}

/** What an upload became, or the file itself: the redirect to S3 is followed. */
export async function download(api: ApiClient, path: string, maxBytes?: number): Promise<Buffer> {
  const request = { follow: true, ...(maxBytes !== undefined && { maxBytes }) }
  return expectStatus(await api.request(path, request), 200).bytes
}

/** @throws StepFailedError where the bytes are not the same */
export function expectBytes(seen: Buffer, expected: Buffer | string, what: string): void {
  const wanted = Buffer.from(expected)
  if (seen.equals(wanted)) return
  const first = wanted.findIndex((byte, index) => seen[index] !== byte)
  throw new StepFailedError(
    `${what} has ${seen.length} bytes that are not the ${wanted.length} expected ones, from byte ${first === -1 ? wanted.length : first} on`,
    'Something on the way changes bodies: a gateway that takes bytes for text (binaryMediaTypes), or a proxy.',
  )
}
