import { createHash, randomBytes } from 'node:crypto'
import { ListMultipartUploadsCommand } from '@aws-sdk/client-s3'
import t from 'tap'
import { names } from '../../services/platform/resources.ts'
import type { UploadRecord } from '../../services/uploads/records/record.ts'
import { TransformError } from '../../services/worker/errors.ts'
import { copy } from '../../services/worker/transforms/built-in/copy.ts'
import type { Transform } from '../../services/worker/transforms/transform.ts'
import { going, putUpload, startPipeline, streamRecord, uploadRecord } from './pipeline.ts'
import { startS3Proxy } from './s3-proxy.ts'

const pipeline = await startPipeline(t)
const { aws, store } = pipeline
const { s3, seen } = await startS3Proxy(t, aws)
const reads = () => seen.filter(request => request.startsWith('GET ')).length
const wrong = 'ab'.repeat(32)
const sha256Of = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

/** Stores an upload whose digest nobody has verified. */
async function unverified(bytes: Uint8Array, announcedSha256?: string): Promise<UploadRecord> {
  const facts = { size: bytes.byteLength, filename: 'a.bin', contentType: 'application/x-test' }
  const { sha256: _unknown, ...accepted } = uploadRecord(facts)
  const record = { ...accepted, ...(announcedSha256 !== undefined && { announcedSha256 }) }
  await putUpload(aws.s3, record, bytes)
  await store.create(record)
  return record
}

const processedKey = ({ uploadId }: UploadRecord) => `processed/owner-1/${uploadId}/a.bin`
const outputsOf = async ({ uploadId }: UploadRecord) =>
  (await pipeline.keys()).filter(key => key.startsWith('processed/') && key.includes(uploadId))

/** Returns the first bytes as an output, without reading the rest. */
const firstBytes: Transform = {
  name: 'first-bytes',
  version: '1',
  async apply(input) {
    for await (const chunk of input) return { contentType: 'application/x-test', body: [chunk.subarray(0, 4)] }
    throw new TransformError('The file is empty.')
  },
}

/** Refuses every file at its first byte. */
const refuses: Transform = {
  name: 'refuses',
  version: '1',
  apply() {
    throw new TransformError('Refused.')
  },
}

for (const { transform, size, times } of [
  { transform: copy, size: 5, times: 1 },
  { transform: copy, size: 1_000_000, times: 1 },
  // More than a part, so that S3 has parts of the output before the digest is known.
  { transform: copy, size: 20_000_000, times: 1 },
  { transform: firstBytes, size: 1_000_000, times: 2 },
]) {
  const processor = pipeline.processor({ s3, transforms: [transform] })
  const bytes = randomBytes(size)
  const name = `${transform.name} of ${size} bytes`

  t.test(`${name}: an upload with the announced digest, or without one, is processed and has its digest`, async t => {
    for (const announced of [sha256Of(bytes), undefined]) {
      const upload = await unverified(bytes, announced)
      const before = reads()
      await processor.process(streamRecord(upload), going)
      t.equal(reads() - before, times, 'the object is read no more often than needed')
      const { announcedSha256, ...record } = (await store.get(upload)) as UploadRecord
      t.match(record, { status: 'processed', sha256: sha256Of(bytes) })
      t.equal(announcedSha256, undefined, 'it was verified')
      const { metadata } = await pipeline.read(processedKey(upload))
      t.equal(metadata['source-sha256'], announced)
    }
  })

  t.test(`${name}: an upload with another digest than the announced one fails, and no output is written`, async t => {
    const upload = await unverified(bytes, wrong)
    await processor.process(streamRecord(upload), going)
    const record = (await store.get(upload)) as UploadRecord
    t.match(record, { status: 'failed', sha256: sha256Of(bytes), failure: { code: 'HEADGATE_DIGEST_MISMATCH' } })
    t.match(record.failure?.reason, new RegExp(`${sha256Of(bytes)}.*${wrong}`))
    t.same(await outputsOf(upload), [])
    const { Uploads = [] } = await aws.s3.send(new ListMultipartUploadsCommand({ Bucket: names.processedBucket }))
    t.same(Uploads, [], 'no part of an output stays')
  })
}

t.test('an upload that its transform refuses has its digest, and a wrong digest is the better reason', async t => {
  const processor = pipeline.processor({ s3, transforms: [refuses] })
  const bytes = randomBytes(100_000)
  for (const [announced, code] of [
    [sha256Of(bytes), TransformError.CODE],
    [undefined, TransformError.CODE],
    [wrong, 'HEADGATE_DIGEST_MISMATCH'],
  ] as const) {
    const upload = await unverified(bytes, announced)
    await processor.process(streamRecord(upload), going)
    t.match(await store.get(upload), { status: 'failed', sha256: sha256Of(bytes), failure: { code } })
  }
})

t.test('an event that names only the object does not get around the check', async t => {
  const processor = pipeline.processor({ s3, transforms: [copy] })
  const bytes = randomBytes(1_000)
  for (const [announced, status] of [
    [sha256Of(bytes), 'processed'],
    [wrong, 'failed'],
  ] as const) {
    const upload = await unverified(bytes, announced)
    await processor.process(streamRecord({ bucket: upload.bucket, key: upload.key }), going)
    t.match(await store.get(upload), { status, sha256: sha256Of(bytes) })
  }
})

t.test('an upload that failed by its digest fails again when it is redriven', async t => {
  const processor = pipeline.processor({ s3, transforms: [copy] })
  const bytes = randomBytes(1_000)
  const upload = await unverified(bytes, wrong)
  const record = streamRecord(upload)
  for (let time = 0; time < 2; time++) {
    await processor.process(record, going)
    t.match(await store.get(upload), { status: 'failed', failure: { code: 'HEADGATE_DIGEST_MISMATCH' } })
  }
})
