import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { HeadObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import t from 'tap'
import { names } from '../../services/platform/resources.ts'
import { going, putUpload, startPipeline, streamRecord, uploadRecord } from './pipeline.ts'

const pipeline = await startPipeline(t)
const { aws, store, read } = pipeline
const processor = pipeline.processor()

t.test('an upload becomes a processed object whose metadata names its source', async t => {
  const upload = await pipeline.upload('hello kinesis')
  await processor.process(streamRecord(upload), going)

  const key = `processed/owner-1/${upload.uploadId}/demo.txt`
  const source = await aws.s3.send(new HeadObjectCommand({ Bucket: upload.bucket, Key: upload.key }))
  const { text, contentType, metadata } = await read(key)
  t.equal(text, 'HELLO KINESIS')
  t.equal(contentType, 'text/plain;charset=utf-8')
  t.strictSame(metadata, {
    'source-bucket': names.uploadBucket,
    'source-key': upload.key,
    'source-etag': source.ETag?.replaceAll('"', ''),
    'source-sha256': upload.sha256,
    'upload-id': upload.uploadId,
    transform: 'upper-case',
    'transform-version': '2',
  })
  t.match(await store.get(upload), {
    status: 'processed',
    processed: { bucket: names.processedBucket, key },
    outputs: [{ name: 'main', contentType: 'text/plain;charset=utf-8', size: 13 }],
    transform: { name: 'upper-case', version: '2' },
  })
})

t.test('processing an event again gives the same result', async t => {
  const upload = await pipeline.upload('hello again')
  const record = streamRecord(upload)
  const results: unknown[] = []
  for (let time = 0; time < 3; time++) {
    await processor.process(record, going)
    const { updatedAt: _, ...marked } = (await store.get(upload)) ?? {}
    results.push({ object: await read(`processed/owner-1/${upload.uploadId}/demo.txt`), marked })
  }
  t.strictSame(results[1], results[0])
  t.strictSame(results[2], results[0])
})

t.test('concurrent processing of an event gives the same result', async t => {
  const upload = await pipeline.upload('hello at once')
  const record = streamRecord(upload)
  await Promise.all(Array.from({ length: 8 }, () => processor.process(record, going)))
  t.equal((await read(`processed/owner-1/${upload.uploadId}/demo.txt`)).text, 'HELLO AT ONCE')
  t.match(await store.get(upload), { status: 'processed' })
})

t.test('a bare event finds the upload by its object', async t => {
  const upload = await pipeline.upload('bare', { filename: 'naïve – name.txt' })
  await processor.process(streamRecord({ bucket: upload.bucket, key: upload.key }), going)
  const made = await read(`processed/owner-1/${upload.uploadId}/naïve – name.txt`)
  t.equal(made.text, 'BARE')
  t.equal(made.metadata['upload-id'], upload.uploadId)
  t.equal(made.metadata['source-key'], encodeURIComponent(upload.key).replaceAll('%2F', '/'))
  t.notOk('source-sha256' in made.metadata, 'the digest is unknown')
  t.match(await store.get(upload), { status: 'processed' })
})

t.test('a bare event of an object without a record is processed', async t => {
  const Key = 'uploads/demo.txt'
  await aws.s3.send(
    new PutObjectCommand({
      Bucket: names.uploadBucket,
      Key,
      Body: 'hello kinesis',
      ContentType: 'application/octet-stream',
    }),
  )
  await processor.process(streamRecord({ bucket: names.uploadBucket, key: Key }), going)
  const { text, contentType } = await read('processed/demo.txt')
  t.equal(text, 'HELLO KINESIS')
  t.equal(contentType, 'text/plain;charset=utf-8')
})

t.test('an upload without a record is processed, and no record is created', async t => {
  const upload = uploadRecord()
  await putUpload(aws.s3, upload, 'no record')
  await processor.process(streamRecord(upload), going)
  t.equal((await read(`processed/owner-1/${upload.uploadId}/demo.txt`)).text, 'NO RECORD')
  t.equal(await store.get(upload), undefined)
})

t.test('binary and encoded content becomes a manifest with its digests', async t => {
  const bytes = Buffer.from(Array.from({ length: 70_000 }, (_, index) => (index * 7) % 256))
  const packed = gzipSync('still packed')
  for (const [content, filename, contentType, contentEncoding] of [
    [bytes, 'program.bin', 'application/octet-stream', undefined],
    [packed, 'notes.txt', 'text/plain', 'gzip'],
    [Buffer.alloc(0), 'nothing', 'application/pdf', undefined],
  ] as const) {
    const upload = await pipeline.upload('replaced below', { filename, contentType })
    const { bucket: Bucket, key: Key } = upload
    const encoding = contentEncoding && { ContentEncoding: contentEncoding }
    await aws.s3.send(new PutObjectCommand({ Bucket, Key, Body: content, ContentType: contentType, ...encoding }))
    await processor.process(streamRecord(upload), going)
    const made = await read(`processed/owner-1/${upload.uploadId}/${filename}`)
    t.equal(made.contentType, 'application/json')
    t.equal(made.metadata.transform, 'digest')
    t.strictSame(JSON.parse(made.text), {
      filename,
      contentType,
      ...(contentEncoding && { contentEncoding }),
      size: content.length,
      sha256: createHash('sha256').update(content).digest('hex'),
      sha512: createHash('sha512').update(content).digest('hex'),
    })
  }
})

t.test('empty text becomes an empty object', async t => {
  const upload = await pipeline.upload('')
  await processor.process(streamRecord(upload), going)
  t.equal((await read(`processed/owner-1/${upload.uploadId}/demo.txt`)).text, '')
  t.match(await store.get(upload), { status: 'processed', outputs: [{ name: 'main', size: 0 }] })
})

t.test('text of 20 MiB is processed in parts without an error in any character', async t => {
  const line = 'straße, 🎉 und çédille\n'
  const content = line.repeat(Math.ceil((20 * 1024 ** 2) / Buffer.byteLength(line)))
  const upload = uploadRecord()
  await store.create(upload)
  const { Upload } = await import('@aws-sdk/lib-storage')
  const params = { Bucket: upload.bucket, Key: upload.key, Body: content, ContentType: 'text/plain' }
  await new Upload({ client: aws.s3, params, partSize: 8 * 1024 ** 2 }).done()

  await processor.process(streamRecord(upload), going)
  const key = `processed/owner-1/${upload.uploadId}/demo.txt`
  const head = await aws.s3.send(new HeadObjectCommand({ Bucket: names.processedBucket, Key: key }))
  t.match(head.ETag, /-3"$/, 'three parts')
  t.ok((await read(key)).text === content.toUpperCase(), 'the text is right')
})

t.test('metadata that is too long for a header is omitted', async t => {
  const filename = `${'語'.repeat(280)}.txt`
  const upload = await pipeline.upload('long', { filename })
  await processor.process(streamRecord(upload), going)
  const { text, metadata } = await read(`processed/owner-1/${upload.uploadId}/${filename}`)
  t.equal(text, 'LONG')
  t.notOk('source-key' in metadata)
  t.equal(metadata['upload-id'], upload.uploadId)
})
