import { randomBytes } from 'node:crypto'
import t from 'tap'
import { Upload, type UploadOptions } from 'tus-js-client'
import { startAws } from '../../support/aws.ts'
import { ask, createTestUser, readObject, type TestUser } from '../support.ts'
import { uploadIdOf } from './client.ts'
import { startApi } from './server.ts'

const MIB = 1024 ** 2

const aws = await startAws(t)

// Each test waits for retries and for processes to start.
t.jobs = 2

interface Running {
  upload: Upload
  /** Resolves when `bytes` bytes were sent. */
  sent(bytes: number): Promise<void>
  succeeded: Promise<void>
}

/** Starts an upload with tus-js-client and common options. */
function begin(url: string, { auth }: TestUser, bytes: Buffer, options: Partial<UploadOptions> = {}): Running {
  const waiting: Array<{ bytes: number; resolve(): void }> = []
  const { promise: succeeded, resolve, reject } = Promise.withResolvers<void>()
  succeeded.catch(() => undefined) // A test that awaits the promise gets the error.
  const upload = new Upload(bytes, {
    endpoint: `${url}/uploads/tus`,
    headers: auth,
    metadata: { filename: 'film.bin', filetype: 'application/x-film' },
    retryDelays: [100, 500, 1_000, 3_000, 5_000, 10_000],
    onProgress: sent => {
      for (const each of waiting) if (sent >= each.bytes) each.resolve()
    },
    onSuccess: () => resolve(),
    onError: reject,
    ...options,
  })
  upload.start()
  return {
    upload,
    succeeded,
    sent: bytes => new Promise(done => waiting.push({ bytes, resolve: done })),
  }
}

async function accepted(url: string, user: TestUser, uploadUrl: string | null, bytes: Buffer) {
  const seen = await ask(`${url}/uploads/${uploadIdOf(uploadUrl ?? '')}`, { headers: user.auth })
  const { key } = seen.body.s3 as { key: string }
  return { body: seen.body, isWhole: (await readObject(aws, key)).bytes.equals(bytes) }
}

const expected = (bytes: Buffer) => ({
  filename: 'film.bin',
  contentType: 'application/x-film',
  status: 'queued',
  size: bytes.length,
})

t.test('tus-js-client uploads in one request, and in chunks', async t => {
  const api = await startApi(t, aws)
  const user = await createTestUser(aws)
  const bytes = randomBytes(21 * MIB)
  for (const options of [{}, { chunkSize: 5 * MIB }, { chunkSize: 3 * MIB, uploadDataDuringCreation: true }]) {
    const { upload, succeeded } = begin(api.url, user, bytes, options)
    await succeeded
    const { body, isWhole } = await accepted(api.url, user, upload.url, bytes)
    t.match(body, expected(bytes), JSON.stringify(options))
    t.ok(isWhole)
  }
  t.match(await user.traces(), { openUploads: 0 })
})

t.test('an upload resumes at another process without sending arrived bytes again', async t => {
  const [first, second] = await Promise.all([startApi(t, aws), startApi(t, aws)])
  const user = await createTestUser(aws)
  const bytes = randomBytes(40 * MIB)
  const { upload, sent } = begin(first.url, user, bytes, { chunkSize: 10 * MIB })
  await sent(11 * MIB)
  await upload.abort()
  await first.kill()
  const uploadUrl = `${second.url}${new URL(upload.url ?? '').pathname}`
  const offsets: number[] = []
  const resumed = begin(second.url, user, bytes, {
    uploadUrl,
    onAfterResponse: (request, response) => {
      if (request.getMethod() === 'HEAD') offsets.push(Number(response.getHeader('upload-offset')))
    },
  })
  await resumed.succeeded
  t.ok((offsets.at(-1) ?? 0) >= 10 * MIB, `it went on at ${offsets.at(-1)}`)
  const { body, isWhole } = await accepted(second.url, user, uploadUrl, bytes)
  t.match(body, expected(bytes))
  t.ok(isWhole)
  t.match(await user.traces(), { openUploads: 0, objects: { length: 1 } })
})

t.test('the client continues by itself after its api was killed during a request', async t => {
  const first = await startApi(t, aws)
  const port = new URL(first.url).port
  const user = await createTestUser(aws)
  const bytes = randomBytes(64 * MIB)
  const { upload, sent, succeeded } = begin(first.url, user, bytes, {})
  await sent(20 * MIB)
  await first.kill()
  const second = await startApi(t, aws, { PORT: port })
  await succeeded
  const { body, isWhole } = await accepted(second.url, user, upload.url, bytes)
  t.match(body, expected(bytes))
  t.ok(isWhole)
})

t.test('a terminated upload does not exist any more', async t => {
  const api = await startApi(t, aws)
  const user = await createTestUser(aws)
  const { upload, sent } = begin(api.url, user, randomBytes(20 * MIB), { chunkSize: 9 * MIB })
  await sent(9 * MIB + 1)
  await upload.abort(true)
  t.match(await user.traces(), { openUploads: 0, objects: [], records: [] })
})
