import { openAsBlob, writeFileSync } from 'node:fs'
import { appendFile, readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { constants, PerformanceObserver } from 'node:perf_hooks'
import { Readable } from 'node:stream'
import t from 'tap'
import { sha256Of as digestOf } from '../../services/client/digest.ts'
import { PayloadTooLargeError, UnreadableFileError, type UploadedFile } from '../../services/client/index.ts'
import { openPath, sha256OfFile } from '../../services/client/node-files.ts'
import { chooseMethod } from '../../services/client/upload.ts'
import { readObject } from '../api/support.ts'
import { startAws } from '../support/aws.ts'
import { to } from '../support/fault-proxy.ts'
import { bytesOf, MIB, sha256Of, startScene } from './support.ts'

const aws = await startAws(t)
const { client, s3Proxy } = await startScene(t, aws)

const storedOf = async ({ s3 }: UploadedFile) => (await readObject(aws, s3.key)).bytes

t.test('files of every size are stored as they are, small ones by one request and others straight to S3', async t => {
  for (const size of [0, 1, 1_000, 8 * MIB, 8 * MIB + 1, 40 * MIB + 7]) {
    const bytes = bytesOf(size)
    const puts = s3Proxy.count(to('PUT'))
    const uploaded = await client.upload(new Blob([bytes]), { filename: `${size}.bin` })
    t.match(uploaded, {
      size,
      sha256: sha256Of(bytes),
      filename: `${size}.bin`,
      contentType: 'application/octet-stream',
    })
    t.ok((await storedOf(uploaded)).equals(bytes), `${size} bytes are stored`)
    t.equal(s3Proxy.count(to('PUT')) - puts, size <= 8 * MIB ? 0 : size <= 16 * MIB ? 1 : 6, `${size}: requests to S3`)
  }
})

t.test('100 MB are uploaded in parts, with progress', async t => {
  const bytes = bytesOf(100_000_000)
  const seen: number[] = []
  const uploaded = await client.upload(bytes, {
    filename: 'large.bin',
    onProgress({ sentBytes, totalBytes }) {
      t.equal(totalBytes, bytes.length)
      seen.push(sentBytes)
    },
  })
  t.equal(uploaded.sha256, sha256Of(bytes))
  t.equal(seen[0], 0)
  t.equal(seen.at(-1), bytes.length)
  t.ok(seen.length > 100, `${seen.length} reports`)
  t.strictSame(
    seen,
    [...seen].sort((a, b) => a - b),
    'without a fault the number only grows',
  )
})

t.test('metadata is sent by every method, and uploads are listed by it', async t => {
  const ids: string[] = []
  for (const method of ['raw', 'grant', 'tus'] as const) {
    const metadata = { batch: 'client-test', method, note: 'é 写真' }
    const { uploadId } = await client.upload(new Blob(['x']), { filename: 'a.txt', method, metadata })
    t.strictSame((await client.status(uploadId)).metadata, metadata, method)
    ids.unshift(uploadId)
  }
  const list = client.list({ metadata: { name: 'batch', value: 'client-test' }, pageSize: 2 })
  t.strictSame(
    (await Array.fromAsync(list)).map(({ uploadId }) => uploadId),
    ids,
  )
  const invalid = client.upload(new Blob(['x']), { filename: 'a.txt', metadata: { Batch: 'x' } })
  await t.rejects(invalid, { name: 'InvalidMetadataError', message: /has the name "Batch"/ })
})

t.test('every kind of input is uploaded, with its name and type', async t => {
  const bytes = Buffer.from('hello') as Buffer<ArrayBuffer>
  const file = path.join(t.testdir({ 'notes.txt': 'hello' }), 'notes.txt')
  const cases = {
    File: [new File([bytes], 'notes.txt', { type: 'text/plain' }), {}],
    'a path': [file, { contentType: 'text/plain' }],
    'a file URL': [new URL(`file://${file}`), { contentType: 'text/plain' }],
    'an ArrayBuffer': [new Uint8Array(bytes).buffer, { filename: 'notes.txt', contentType: 'text/plain' }],
    'a Node stream': [Readable.from([bytes]), { filename: 'notes.txt', contentType: 'text/plain' }],
    'a web stream': [new Blob([bytes]).stream(), { filename: 'notes.txt', contentType: 'text/plain' }],
    'a Blob of a file': [await openAsBlob(file), { filename: 'notes.txt', contentType: 'text/plain' }],
  } as const
  for (const [name, [input, options]] of Object.entries(cases)) {
    const uploaded = await client.upload(input, options)
    t.match(uploaded, { filename: 'notes.txt', contentType: 'text/plain', size: 5, sha256: sha256Of(bytes) }, name)
  }
  await t.rejects(client.upload(bytes), { name: 'TypeError', message: /Set the option `filename`/ })
})

t.test('a stream of unknown length is uploaded, and its copy on the disk is removed', async t => {
  const before = (await readdir(tmpdir())).filter(name => name.startsWith('headgate-'))
  const chunks = [bytesOf(5 * MIB), bytesOf(15 * MIB), bytesOf(3)]
  const uploaded = await client.upload(Readable.from(chunks), { filename: 'recording.bin' })
  t.equal(uploaded.sha256, sha256Of(Buffer.concat(chunks)))
  const failing = Readable.from(
    (async function* () {
      yield bytesOf(10)
      throw new Error('The camera was unplugged.')
    })(),
  )
  await t.rejects(client.upload(failing, { filename: 'a.bin' }), { message: /camera was unplugged/ })
  const after = (await readdir(tmpdir())).filter(name => name.startsWith('headgate-'))
  t.strictSame(
    after.filter(name => !before.includes(name) && /^headgate-[A-Za-z0-9]{6}$/.test(name)),
    [],
  )
})

t.test('names beyond ASCII arrive unchanged, by every method', async t => {
  for (const filename of ['Grüße & mehr + 100%.txt', '日本語.txt', '🦊 fox.txt']) {
    for (const method of ['raw', 'grant', 'tus'] as const) {
      const uploaded = await client.upload(Buffer.from('x'), { filename, method })
      t.equal(uploaded.filename, filename, `${method}: ${filename}`)
    }
  }
})

t.test('a file that is too large is refused before a byte of it is sent', async t => {
  const small = await startScene(t, aws, { env: { MAX_UPLOAD_BYTES: '100' } })
  const error = await small.client.upload(bytesOf(101), { filename: 'a.bin' }).catch((error: unknown) => error)
  t.ok(error instanceof PayloadTooLargeError)
  t.match(error, { status: 413, type: 'urn:headgate:problem:payload-too-large', detail: /101 bytes.*100 bytes/ })
  t.equal(small.apiProxy.count(), 1, 'only the limits were asked for')
})

t.test('a file that changes while it is sent is reported, and not retried', async t => {
  const file = path.join(t.testdir({}), 'growing.bin')
  writeFileSync(file, bytesOf(20 * MIB))
  const first = s3Proxy.inject(
    async exchange => {
      await appendFile(file, 'more')
      await exchange.pass()
    },
    { when: to('PUT'), times: 1 },
  )
  const growing = client.upload(file, {})
  await t.rejects(growing, UnreadableFileError)
  t.equal(first.hits, 1)
})

t.test('a file that changed since it was opened has no SHA-256', async t => {
  const file = path.join(t.testdir({ 'notes.txt': 'hello' }), 'notes.txt')
  const { blob } = await openPath(file, '')
  t.equal(await digestOf(blob), sha256Of(Buffer.from('hello')))
  await appendFile(file, ' again')
  await t.rejects(digestOf(blob), UnreadableFileError)
  t.equal(await sha256OfFile(file), sha256Of(Buffer.from('hello again')))
})

t.test('the SHA-256 of many small files is computed without large collections of garbage', async t => {
  const file = path.join(t.testdir({ 'small.bin': 'x'.repeat(10_000) }), 'small.bin')
  let collections = 0
  const observer = new PerformanceObserver(list => {
    const kinds = list.getEntries().map(entry => (entry as unknown as { detail: { kind: number } }).detail.kind)
    collections += kinds.filter(kind => kind === constants.NODE_PERFORMANCE_GC_MAJOR).length
  })
  observer.observe({ entryTypes: ['gc'] })
  for (let n = 0; n < 900; n++) await sha256OfFile(file)
  observer.disconnect()
  // A buffer of 1 MiB for each file causes 15.
  t.ok(collections < 6, `${collections} large collections of garbage`)
})

t.test('the method follows the size, and the limits of the deployment', async t => {
  const limits = await client.limits()
  t.equal(chooseMethod(8 * MIB, limits), 'raw')
  t.equal(chooseMethod(8 * MIB + 1, limits), 'grant')
  t.equal(chooseMethod(5_000_000, { ...limits, maxBodyBytes: 4_500_000 }), 'grant', 'behind a gateway')
  t.equal(chooseMethod(4_500_000, { ...limits, maxBodyBytes: 4_500_000 }), 'raw')
  t.equal(chooseMethod(90 * MIB, { ...limits, methods: ['raw', 'tus'] }), 'tus', 'a deployment without grants')
  t.equal(chooseMethod(90 * MIB, { ...limits, methods: ['raw'] }), 'raw', 'a deployment with one method')
})

t.test('behind Lambda a file of 5 MB goes straight to S3', async t => {
  const lambda = await startScene(t, aws, { isBuffered: true })
  const bytes = bytesOf(5_000_000)
  t.equal((await lambda.client.upload(bytes, { filename: 'a.bin' })).sha256, sha256Of(bytes))
  t.equal(lambda.s3Proxy.count(to('PUT')), 1)
})

t.test('an upload by a grant with the same idempotency key is the same upload, also after it has arrived', async t => {
  for (const size of [9 * MIB, 20 * MIB]) {
    const [bytes, idempotencyKey] = [bytesOf(size), `key-of-${size}`]
    const once = await client.upload(bytes, { filename: 'a.bin', idempotencyKey })
    const puts = s3Proxy.count(to('PUT'))
    const again = await client.upload(bytes, { filename: 'a.bin', idempotencyKey })
    t.match(again, { uploadId: once.uploadId, sha256: sha256Of(bytes), size, isReplay: true })
    t.equal(s3Proxy.count(to('PUT')), puts, 'no byte is sent again')
    await client.remove(once.uploadId)
    const gone = client.upload(bytes, { filename: 'a.bin', idempotencyKey })
    await t.rejects(gone, { name: 'IdempotencyKeyReusedError', uploadId: once.uploadId })
  }
})

t.test('an upload with the same idempotency key is the same upload', async t => {
  const bytes = bytesOf(100)
  const once = await client.upload(bytes, { filename: 'a.bin', idempotencyKey: 'key-1' })
  const again = await client.upload(bytes, { filename: 'a.bin', idempotencyKey: 'key-1' })
  t.equal(again.uploadId, once.uploadId)
  const other = client.upload(bytesOf(100), { filename: 'a.bin', idempotencyKey: 'key-1' })
  await t.rejects(other, { name: 'IdempotencyKeyReusedError', status: 422 })
})
