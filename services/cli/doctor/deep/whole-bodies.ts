import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { type ApiClient, expectStatus } from './api-client.ts'
import { StepFailedError } from './errors.ts'
import { download, expectBytes, STEP_TIMEOUT_MS, type Step, uploadOf, waitUntilProcessed } from './step.ts'

const timeoutMs = STEP_TIMEOUT_MS
/** 202 means that a worker publishes the event later, because Kinesis did not accept it in time. */
const ACCEPTED = [200, 202] as const

/** Small enough for an api on Lambda, which accepts 6 MB in base64. */
const THROUGH_LAMBDA_BYTES = 4_000_000

const uploadJson: Step = {
  id: 'upload-json',
  title: 'a file in JSON is accepted and processed',
  timeoutMs,
  async run(api) {
    const uploadId = await postJson(api, { filename: 'headgate-doctor.txt', content: 'hello kinesis' })
    await waitUntilProcessed(api, uploadId)
    const text = await download(api, `/uploads/${uploadId}/processed`)
    expectBytes(text, 'HELLO KINESIS', 'the processed object')
    return text.toString()
  },
}

const uploadForm: Step = {
  id: 'upload-form',
  title: 'two files in a form are processed and keep their names',
  timeoutMs,
  async run(api) {
    const names = ['headgate-doctor grüße 世界 😀.txt', 'headgate-doctor.csv']
    const body = new FormData()
    body.append('file', new File(['guten tag'], names[0] ?? '', { type: 'text/plain' }))
    body.append('file', new File(['name,count\nx,1\n'], names[1] ?? '', { type: 'text/csv' }))
    // The body is encoded first, so that it has a Content-Length. Gateways in front of a function require one.
    const encoded = new Response(body)
    const type = encoded.headers.get('content-type') ?? ''
    const bytes = Buffer.from(await encoded.arrayBuffer())
    const request = { method: 'POST', headers: { 'content-type': type }, body: bytes }
    const response = expectStatus(await api.request('/uploads', request), ...ACCEPTED)
    const uploads = Array.isArray(response.body.uploads) ? (response.body.uploads as Record<string, unknown>[]) : []
    const seen = await Promise.all(uploads.map(({ uploadId }) => waitUntilProcessed(api, String(uploadId))))
    const kept = seen.map(({ filename }) => filename)
    if (JSON.stringify(kept) !== JSON.stringify(names)) {
      throw new StepFailedError(`the names are ${JSON.stringify(kept)}`, 'A proxy or gateway changes bodies.')
    }
    return `${kept.join(' and ')} are processed`
  },
}

const uploadRaw: Step = {
  id: 'upload-raw',
  title: 'a raw body of 4 MB is stored byte for byte, and a body with a wrong digest is rejected',
  timeoutMs,
  async run(api) {
    const bytes = randomBytes(THROUGH_LAMBDA_BYTES)
    const digest = (of: Buffer) => `sha-256=:${createHash('sha256').update(of).digest('base64')}:`
    const post = (headers: Record<string, string>) =>
      api.request('/uploads?filename=headgate-doctor.bin', {
        method: 'POST',
        headers: { 'content-type': 'application/octet-stream', ...headers },
        body: bytes,
      })
    const response = expectStatus(await post({ 'content-digest': digest(bytes) }), ...ACCEPTED)
    const uploadId = uploadOf(response)
    expectBytes(await download(api, `/uploads/${uploadId}/content`), bytes, 'the stored file')
    const { body } = expectStatus(await post({ 'content-digest': digest(Buffer.from('another')) }), 400)
    if (body.type !== 'urn:headgate:problem:digest-mismatch') {
      throw new StepFailedError(
        `a wrong digest is rejected as ${body.type}`,
        'Check that API_URL is the root of this api.',
      )
    }
    return `${bytes.length} bytes were downloaded unchanged, and a wrong digest was rejected`
  },
}

const idempotencyKey: Step = {
  id: 'idempotency-key',
  title: 'a repeated request with the same Idempotency-Key creates no second upload',
  timeoutMs,
  async run(api) {
    const key = { 'idempotency-key': randomUUID() }
    const upload = { filename: 'headgate-doctor-once.txt', content: 'once' }
    const first = await postJson(api, upload, key)
    const second = await postJson(api, upload, key)
    if (first === second) return 'both responses name the same upload'
    throw new StepFailedError('the second request created another upload', 'See the log of the api.')
  },
}

export async function postJson(
  api: ApiClient,
  upload: { filename: string; content: string },
  headers: Readonly<Record<string, string>> = {},
): Promise<string> {
  const request = {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(upload),
  }
  return uploadOf(expectStatus(await api.request('/uploads', request), ...ACCEPTED))
}

/** The steps for uploads by a single request. */
export const wholeBodySteps: readonly Step[] = [uploadJson, uploadForm, uploadRaw, idempotencyKey]
