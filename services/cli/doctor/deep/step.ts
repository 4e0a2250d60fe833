import { setTimeout as wait } from 'node:timers/promises'
import { type ApiClient, type ApiResponse, expectStatus } from './api-client.ts'
import { StepFailedError } from './errors.ts'

/** Something that clients do with a deployment, as a test. */
export interface Step {
  /** A stable id for scripts, such as `upload-json`. */
  id: string
  /** What is true if the step is ok, in one line. */
  title: string
  /** In milliseconds. */
  timeoutMs: number
  /** Runs the step. Resolves to what was seen. @throws StepFailedError */
  run(api: ApiClient): Promise<string>
}

export const STEP_TIMEOUT_MS = 180_000

/** Maximum time until an upload is processed, including the start of a worker. */
const PROCESSING_TIMEOUT_MS = 90_000
/** The maximum of `wait` in the api, which is below the timeout of API Gateway. */
const WAIT_S = 20

/** Returns the id of the upload in a response. @throws StepFailedError if there is none */
export function uploadOf({ request, body }: ApiResponse): string {
  const { uploadId } = body
  if (typeof uploadId !== 'string') {
    throw new StepFailedError(
      `the response to ${request} names no upload`,
      'Check that API_URL is the root of this api.',
    )
  }
  return uploadId
}

/** Waits until an upload is processed. Resolves to the upload. @throws StepFailedError if it fails or takes too long */
export async function waitUntilProcessed(api: ApiClient, uploadId: string): Promise<Record<string, unknown>> {
  const deadline = performance.now() + PROCESSING_TIMEOUT_MS
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
        `the upload was still ${body.status} after ${PROCESSING_TIMEOUT_MS / 1_000} s`,
        body.status === 'stored'
          ? 'The event of the upload is not on the stream. See the check `put-record`, and OutboxAge in docs/how-to/runbook.md.'
          : 'No worker has processed the upload. See the checks `mapping` or `leases`, and IteratorAge in docs/how-to/runbook.md.',
      )
    }
    // A gateway may end a waiting request early, so the loop needs a pause.
    await wait(250)
  }
}

/** Downloads an output or the original file. Follows the redirect to S3. */
export async function download(api: ApiClient, path: string, maxBytes?: number): Promise<Buffer> {
  return expectStatus(await api.request(path, { follow: true, maxBytes }), 200).bytes
}

/** Compares bytes. @throws StepFailedError if they differ */
export function expectBytes(actual: Buffer, expected: Buffer | string, what: string): void {
  const wanted = Buffer.from(expected)
  if (actual.equals(wanted)) return
  const first = wanted.findIndex((byte, index) => actual[index] !== byte)
  throw new StepFailedError(
    `${what} has ${actual.length} bytes and differs from the ${wanted.length} expected bytes at byte ${first === -1 ? wanted.length : first}`,
    'A proxy or gateway changes bodies. API Gateway does so if it treats bytes as text (binaryMediaTypes).',
  )
}
