import { randomBytes } from 'node:crypto'
import { type ApiClient, expectStatus, type Request } from './api-client.ts'
import { StepFailedError } from './errors.ts'
import { download, expectBytes, STEP_TIMEOUT_MS, type Step, uploadOf, waitUntilProcessed } from './step.ts'

const MIB = 1024 ** 2

/** Larger than the default of GRANT_PARTS_ABOVE_BYTES. */
const LARGE_BYTES = 65 * MIB
/** Enough to upload and download the file at 2 Mbit/s. */
const LARGE_TIMEOUT_MS = 600_000

/** More than one chunk. Each chunk is small enough for an api on Lambda. */
const TUS_BYTES = 5 * MIB + 3
const TUS_CHUNK_BYTES = 3 * MIB

interface Presigned {
  url: string
  headers: Record<string, string>
}

const grant: Step = {
  id: 'grant',
  title: 'a file is uploaded straight to S3 by a grant, and processed',
  timeoutMs: STEP_TIMEOUT_MS,
  async run(api) {
    const bytes = Buffer.from('hello grant')
    const { uploadId, put, complete } = await requestGrant(api, {
      filename: 'headgate-doctor-grant.txt',
      contentType: 'text/plain',
      size: bytes.length,
    })
    if (put === undefined)
      throw new StepFailedError('the grant of a small file has no PUT', 'Check GRANT_PARTS_ABOVE_BYTES of the api.')
    await putPresigned(api, put, bytes)
    await completeGrant(api, complete)
    await waitUntilProcessed(api, uploadId)
    expectBytes(await download(api, `/uploads/${uploadId}/processed`), 'HELLO GRANT', 'the processed object')
    return 'HELLO GRANT'
  },
}

const grantInParts: Step = {
  id: 'grant-in-parts',
  title: 'a file of 65 MiB is uploaded straight to S3 in parts, processed, and stored byte for byte',
  timeoutMs: LARGE_TIMEOUT_MS,
  async run(api) {
    const bytes = randomBytes(LARGE_BYTES)
    const filename = 'headgate-doctor-parts.bin'
    const granted = await requestGrant(api, { filename, contentType: 'application/octet-stream', size: bytes.length })
    const { uploadId, put, parts: planned = [], complete } = granted
    let at = 0
    for (const part of planned) {
      await putPresigned(api, part, bytes.subarray(at, at + part.size))
      at += part.size
    }
    // A deployment with a higher GRANT_PARTS_ABOVE_BYTES grants a single request.
    if (put !== undefined) await putPresigned(api, put, bytes)
    await completeGrant(api, complete)
    const { size } = await waitUntilProcessed(api, uploadId)
    if (size !== bytes.length)
      throw new StepFailedError(
        `the upload record has a size of ${size} bytes instead of ${bytes.length}`,
        'See the log of the api.',
      )
    // Parts that were joined in a wrong order have the same total size.
    const stored = await download(api, `/uploads/${uploadId}/content`, LARGE_BYTES)
    expectBytes(stored, bytes, 'the stored file')
    return put === undefined
      ? `${planned.length} parts`
      : 'one request, because GRANT_PARTS_ABOVE_BYTES is higher in this deployment'
  },
}

const tus: Step = {
  id: 'tus',
  title: 'a file is uploaded by tus in two chunks, continues at its offset, and is stored byte for byte',
  timeoutMs: STEP_TIMEOUT_MS,
  async run(api) {
    const bytes = randomBytes(TUS_BYTES)
    const base64 = (text: string) => Buffer.from(text).toString('base64')
    const protocol = { 'tus-resumable': '1.0.0' }
    const metadata = `filename ${base64('headgate-doctor-tus.bin')},filetype ${base64('application/octet-stream')}`
    const created = expectStatus(
      await api.request('/uploads/tus', {
        method: 'POST',
        headers: { ...protocol, 'upload-length': String(bytes.length), 'upload-metadata': metadata },
      }),
      201,
    )
    const url = api.resolve(created.headers.get('location') ?? '')
    const uploadId = new URL(url).pathname.split('/').at(-1) ?? ''
    let offset = 0
    while (offset < bytes.length) {
      const headers = {
        ...protocol,
        'upload-offset': String(offset),
        'content-type': 'application/offset+octet-stream',
      }
      const body = bytes.subarray(offset, offset + TUS_CHUNK_BYTES)
      expectStatus(await api.request(url, { method: 'PATCH', headers, body }), 204)
      const head = expectStatus(await api.request(url, { method: 'HEAD', headers: protocol }), 200)
      const stored = Number(head.headers.get('upload-offset'))
      if (stored !== offset + body.length) {
        throw new StepFailedError(
          `${stored} bytes are stored after ${offset + body.length} were sent`,
          'A proxy or gateway changes or truncates bodies.',
        )
      }
      offset = stored
    }
    expectBytes(await download(api, `/uploads/${uploadId}/content`), bytes, 'the stored file')
    return `${bytes.length} bytes were downloaded unchanged`
  },
}

interface Grant {
  uploadId: string
  /** The path of the request that completes the upload, relative to the host. */
  complete: string
  put?: Presigned
  parts?: Array<Presigned & { size: number }>
}

async function requestGrant(api: ApiClient, file: Record<string, unknown>): Promise<Grant> {
  const request = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(file) }
  const response = expectStatus(await api.request('/uploads/grants', request), 201)
  uploadOf(response)
  return response.body as unknown as Grant
}

async function putPresigned(
  api: ApiClient,
  { url, headers }: Presigned,
  body: NonNullable<Request['body']>,
): Promise<void> {
  expectStatus(await api.request(url, { method: 'PUT', headers, body }), 200)
}

async function completeGrant(api: ApiClient, complete: string): Promise<void> {
  expectStatus(await api.request(api.resolve(complete), { method: 'POST' }), 200, 202)
}

/** The steps for uploads that take more than one request. */
export const largeFileSteps: readonly Step[] = [grant, tus, grantInParts]
