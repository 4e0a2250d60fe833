import { randomBytes } from 'node:crypto'
import { type ApiClient, expectStatus, type Request } from './api-client.ts'
import { StepFailedError } from './errors.ts'
import { download, expectBytes, STEP_TIMEOUT_MS, type Step, uploadOf, waitUntilProcessed } from './step.ts'

const MIB = 1024 ** 2

/** More than GRANT_PARTS_ABOVE_BYTES is by default. */
const IN_PARTS_BYTES = 65 * MIB
/** For a line of 2 Mbit/s: the file is sent, and downloaded again. */
const IN_PARTS_TIMEOUT_MS = 600_000

/** More than one chunk, of which each fits through a function. */
const TUS_BYTES = 5 * MIB + 3
const TUS_CHUNK_BYTES = 3 * MIB

interface Presigned {
  url: string
  headers: Record<string, string>
}

const grant: Step = {
  id: 'grant',
  title: 'a file goes to S3 directly, by a grant, and is processed',
  timeoutMs: STEP_TIMEOUT_MS,
  async run(api) {
    const bytes = Buffer.from('hello grant')
    const { uploadId, put, complete } = await askGrant(api, {
      filename: 'headgate-doctor-grant.txt',
      contentType: 'text/plain',
      size: bytes.length,
    })
    if (put === undefined)
      throw new StepFailedError('the grant of a small file has no PUT', 'Check GRANT_PARTS_ABOVE_BYTES of the api.')
    await send(api, put, bytes)
    await end(api, complete)
    await waitUntilProcessed(api, uploadId)
    expectBytes(await download(api, `/uploads/${uploadId}/processed`), 'HELLO GRANT', 'the processed object')
    return 'HELLO GRANT'
  },
}

const parts: Step = {
  id: 'grant-in-parts',
  title: 'a file of 65 MiB goes to S3 in parts, is processed, and is stored byte for byte',
  timeoutMs: IN_PARTS_TIMEOUT_MS,
  async run(api) {
    const bytes = randomBytes(IN_PARTS_BYTES)
    const filename = 'headgate-doctor-parts.bin'
    const granted = await askGrant(api, { filename, contentType: 'application/octet-stream', size: bytes.length })
    const { uploadId, put, parts: planned = [], complete } = granted
    let at = 0
    for (const part of planned) {
      await send(api, part, bytes.subarray(at, at + part.size))
      at += part.size
    }
    // One request, where the deployment takes files of this size so.
    if (put !== undefined) await send(api, put, bytes)
    await end(api, complete)
    const { size } = await waitUntilProcessed(api, uploadId)
    if (size !== bytes.length) throw new StepFailedError(`${size} bytes are recorded`, 'See the log of the api.')
    // Parts that S3 joined in another order have the same size.
    const stored = await download(api, `/uploads/${uploadId}/content`, IN_PARTS_BYTES)
    expectBytes(stored, bytes, 'the stored file')
    return put === undefined ? `${planned.length} parts` : 'in one request: GRANT_PARTS_ABOVE_BYTES is higher here'
  },
}

const tus: Step = {
  id: 'tus',
  title: 'a file comes by tus in two chunks, continues at its offset, and is stored byte for byte',
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
          'Something on the way changes or cuts bodies.',
        )
      }
      offset = stored
    }
    expectBytes(await download(api, `/uploads/${uploadId}/content`), bytes, 'the stored file')
    return `${bytes.length} bytes came back as they were`
  },
}

interface Granted {
  uploadId: string
  /** Where to say that everything has arrived, from the root of the host on. */
  complete: string
  put?: Presigned
  parts?: Array<Presigned & { size: number }>
}

async function askGrant(api: ApiClient, wanted: Record<string, unknown>): Promise<Granted> {
  const request = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(wanted) }
  const answer = expectStatus(await api.request('/uploads/grants', request), 201)
  uploadOf(answer)
  return answer.body as unknown as Granted
}

async function send(api: ApiClient, { url, headers }: Presigned, body: NonNullable<Request['body']>): Promise<void> {
  expectStatus(await api.request(url, { method: 'PUT', headers, body }), 200)
}

/** Says that everything has arrived. */
async function end(api: ApiClient, complete: string): Promise<void> {
  expectStatus(await api.request(api.resolve(complete), { method: 'POST' }), 200, 202)
}

/** Files that come in more than one request. */
export const largeFileSteps: readonly Step[] = [grant, tus, parts]
