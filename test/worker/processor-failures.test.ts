import { CreateBucketCommand, GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import t from 'tap'
import { names } from '../../services/platform/resources.ts'
import { createDeadLetters } from '../../services/worker/dead-letters/writer.ts'
import { TransformError } from '../../services/worker/errors.ts'
import type { StreamRecord } from '../../services/worker/stream-record.ts'
import { deadLetterOf, exists, going, putUpload, startPipeline, streamRecord, uploadRecord } from './pipeline.ts'
import { s3ClientAt, startS3Proxy } from './s3-proxy.ts'

const pipeline = await startPipeline(t)
const { aws, store, read, lines } = pipeline
const proxy = await startS3Proxy(t, aws)
const processor = pipeline.processor({ s3: proxy.s3 })

t.beforeEach(() => {
  proxy.decide(() => 'pass')
  proxy.seen.length = 0
  lines.length = 0
})

async function letterOf(record: StreamRecord): Promise<unknown> {
  return JSON.parse((await read(deadLetterOf(record))).text)
}

t.test('a record that is not an event becomes a dead letter with the whole record', async t => {
  const cases = ['not json', '', '\xff\xfe', '[]', 'null', '{"bucket":"headgate-uploads"}', '{"version":7}']
  for (const data of cases) {
    const record = streamRecord(data)
    await processor.process(record, going)
    t.match(
      await letterOf(record),
      {
        version: 1,
        stream: names.stream,
        shardId: record.shardId,
        sequenceNumber: record.sequenceNumber,
        partitionKey: 'key-1',
        data: Buffer.from(data).toString('base64'),
        error: { code: 'HEADGATE_INVALID_EVENT', reason: /./ },
        failedAt: /^\d{4}-.*Z$/,
      },
      data,
    )
  }
  t.equal(lines.filter(({ level }) => level === 'warn').length, cases.length, 'each is logged as a warning')
  t.strictSame(proxy.seen, [], 'S3 gets no request')
})

t.test('an upload whose object is missing is failed, with a reason and a dead letter', async t => {
  const upload = uploadRecord()
  await store.create(upload)
  const record = streamRecord(upload)
  await processor.process(record, going)
  t.match(await store.get(upload), {
    status: 'failed',
    failure: { code: 'HEADGATE_OBJECT_MISSING', reason: /no object/ },
  })
  t.match(await letterOf(record), { error: { code: 'HEADGATE_OBJECT_MISSING' } })
  t.match(lines, [{ level: 'warn', code: 'HEADGATE_OBJECT_MISSING', uploadId: upload.uploadId }])
})

t.test('a bare event of a missing object becomes a dead letter', async t => {
  const record = streamRecord({ bucket: names.uploadBucket, key: 'uploads/never.txt' })
  await processor.process(record, going)
  t.match(await letterOf(record), { error: { code: 'HEADGATE_OBJECT_MISSING' } })
})

t.test('an upload that fails twice has one dead letter', async t => {
  const upload = uploadRecord()
  await store.create(upload)
  const record = streamRecord(upload)
  await processor.process(record, going)
  const before = await pipeline.keys()
  await processor.process(record, going)
  t.strictSame(await pipeline.keys(), before)
  t.match(await store.get(upload), { status: 'failed' })
})

t.test('a later failure does not change a processed upload', async t => {
  const upload = await pipeline.upload('done')
  await processor.process(streamRecord(upload), going)
  await processor.process(streamRecord({ ...upload, key: 'uploads/gone.txt' }), going)
  t.match(await store.get(upload), { status: 'processed' })
})

t.test('an event of another bucket is rejected without reading the bucket', async t => {
  await aws.s3.send(new CreateBucketCommand({ Bucket: 'somebody-elses' }))
  await aws.s3.send(new PutObjectCommand({ Bucket: 'somebody-elses', Key: 'uploads/a.txt', Body: 'secret' }))
  const record = streamRecord({ bucket: 'somebody-elses', key: 'uploads/a.txt' })
  await processor.process(record, going)
  t.match(await letterOf(record), { error: { code: 'HEADGATE_FOREIGN_BUCKET' } })
  t.notOk(await exists(aws.s3, 'processed/a.txt'))
  t.strictSame(
    proxy.seen.filter(request => request.startsWith('GET')),
    [],
  )
})

t.test('an unusable key is a permanent failure', async t => {
  const keys = [
    'uploads/../../somebody-elses/a.txt',
    'uploads/./a',
    '..',
    'a'.repeat(1_020),
    '語'.repeat(400),
    '\ud800',
  ]
  for (const key of keys) {
    const record = streamRecord({ bucket: names.uploadBucket, key })
    await processor.process(record, going)
    t.match(await letterOf(record), { error: { code: 'HEADGATE_UNUSABLE_KEY' } }, key)
  }
  t.strictSame(
    proxy.seen.filter(request => request.startsWith('GET')),
    [],
  )
})

t.test('an event with an owner or id that no record can have becomes a dead letter', async t => {
  const cases = [
    { change: { owner: 'o'.repeat(3_000) }, code: 'HEADGATE_INVALID_EVENT' },
    { change: { uploadId: 'u'.repeat(2_000) }, code: 'HEADGATE_INVALID_EVENT' },
    { change: { owner: 'a\ud800' }, code: 'HEADGATE_OBJECT_MISSING' },
  ]
  for (const { change, code } of cases) {
    const record = streamRecord(uploadRecord({ ...change, key: 'uploads/never.txt' }))
    await processor.process(record, going)
    t.match(await letterOf(record), { error: { code } })
  }
})

t.test('refused content fails its upload, and no output remains', async t => {
  const long = Buffer.alloc(9 * 1024 ** 2, 'a')
  for (const content of [Buffer.from([0x61, 0xff]), Buffer.concat([long, Buffer.from([0xff])])]) {
    const upload = await pipeline.upload(content)
    const record = streamRecord(upload)
    await processor.process(record, going)
    t.match(await store.get(upload), {
      status: 'failed',
      failure: { code: 'HEADGATE_TRANSFORM_REFUSED', reason: /utf-8/ },
    })
    t.match(await letterOf(record), { error: { code: 'HEADGATE_TRANSFORM_REFUSED' } })
    t.notOk(await exists(aws.s3, `processed/owner-1/${upload.uploadId}/demo.txt`))
  }
  t.equal(await proxy.endOpenUploads(), 0)
})

t.test('a bare event fails the record that its object names', async t => {
  const upload = await pipeline.upload(Buffer.from([0xff]))
  await processor.process(streamRecord({ bucket: upload.bucket, key: upload.key }), going)
  t.match(await store.get(upload), { status: 'failed', failure: { code: 'HEADGATE_TRANSFORM_REFUSED' } })
})

t.test('after a retryable error the processor rejects without a mark or a dead letter', async t => {
  const errors = {
    'S3 is down': { status: 503, code: 'SlowDown' },
    'S3 has an error': { status: 500, code: 'InternalError' },
    'a permission is missing': { status: 403, code: 'AccessDenied' },
    'the bucket is missing': { status: 404, code: 'NoSuchBucket' },
  }
  for (const method of ['GET', 'PUT']) {
    for (const [name, fate] of Object.entries(errors)) {
      const upload = await pipeline.upload('hello')
      const record = streamRecord(upload)
      proxy.decide(request => (request.method === method ? fate : 'pass'))
      await t.rejects(processor.process(record, going), { name: fate.code }, `${name}, on ${method}`)
      t.match(await store.get(upload), { status: 'stored' })
      t.notOk(await exists(aws.s3, deadLetterOf(record)))
      proxy.decide(() => 'pass')
      await processor.process(record, going)
      t.match(await store.get(upload), { status: 'processed' }, 'the next attempt succeeds')
    }
  }
})

t.test('a response of S3 that is cut off is retryable, and is not processed as a short object', async t => {
  const upload = await pipeline.upload('a text that is longer than the bytes that arrive')
  const record = streamRecord(upload)
  proxy.decide(request => (request.method === 'GET' ? 'cut' : 'pass'))
  await t.rejects(processor.process(record, going))
  t.notOk(await exists(aws.s3, `processed/owner-1/${upload.uploadId}/demo.txt`))
  t.match(await store.get(upload), { status: 'stored' })
})

t.test('an endpoint that refuses connections is retryable', async t => {
  const upload = await pipeline.upload('hello')
  const s3 = s3ClientAt('http://127.0.0.1:1')
  await t.rejects(pipeline.processor({ s3 }).process(streamRecord(upload), going), { code: 'ECONNREFUSED' })
  t.match(await store.get(upload), { status: 'stored' })
})

t.test('a record is retried until its dead letter is stored', async t => {
  const upload = uploadRecord()
  await store.create(upload)
  const record = streamRecord(upload)
  proxy.decide(request => (request.method === 'PUT' ? { status: 503, code: 'SlowDown' } : 'pass'))
  const deadLetters = createDeadLetters({ s3: proxy.s3, bucket: names.processedBucket, stream: names.stream })
  const stuck = pipeline.processor({ s3: proxy.s3, deadLetters })
  await t.rejects(stuck.process(record, going), { name: 'SlowDown' })
  t.match(await store.get(upload), { status: 'stored' }, 'the upload is not failed yet')
  proxy.decide(() => 'pass')
  await stuck.process(record, going)
  t.match(await store.get(upload), { status: 'failed' })
})

t.test('any other error of a transform is retryable', async t => {
  const upload = await pipeline.upload('anything')
  const broken = {
    name: 'broken',
    version: '1',
    accepts: () => true,
    apply: () => {
      throw new Error('a bug')
    },
  }
  await t.rejects(pipeline.processor({ transforms: [broken] }).process(streamRecord(upload), going), {
    message: 'a bug',
  })
  t.match(await store.get(upload), { status: 'stored' })
})

t.test('a refusal after an abort is ignored', async t => {
  const upload = await pipeline.upload('aborted')
  const aborter = new AbortController()
  const hasty = {
    name: 'hasty',
    version: '1',
    accepts: () => true,
    apply: () => {
      aborter.abort()
      throw new TransformError('I was interrupted')
    },
  }
  const record = streamRecord(upload)
  await t.rejects(pipeline.processor({ transforms: [hasty] }).process(record, { signal: aborter.signal }))
  t.match(await store.get(upload), { status: 'stored' })
  t.notOk(await exists(aws.s3, deadLetterOf(record)))
})

t.test('a failed upload that is processed later has its output and no failure', async t => {
  const upload = uploadRecord()
  await store.create(upload)
  const record = streamRecord(upload)
  await processor.process(record, going)
  t.match(await store.get(upload), { status: 'failed' })
  await aws.s3.send(
    new PutObjectCommand({ Bucket: upload.bucket, Key: upload.key, Body: 'late', ContentType: 'text/plain' }),
  )
  await processor.process(record, going)
  const made = await store.get(upload)
  t.equal(made?.status, 'processed')
  t.notOk(made?.failure)
  const { Body } = await aws.s3.send(
    new GetObjectCommand({ Bucket: made?.processed?.bucket, Key: made?.processed?.key }),
  )
  t.equal(await Body?.transformToString(), 'LATE')
})

t.test('a forged event of another object does not change an upload', async t => {
  const victim = await pipeline.upload('the victim’s')
  const other = await pipeline.upload('the other’s')
  await aws.s3.send(
    new PutObjectCommand({ Bucket: names.uploadBucket, Key: 'uploads/plain.txt', Body: 'says nothing' }),
  )
  const forged = {
    'uploads/gone.txt': 'HEADGATE_OBJECT_MISSING',
    'uploads/../x': 'HEADGATE_UNUSABLE_KEY',
    '\ud800': 'HEADGATE_UNUSABLE_KEY',
    [other.key]: 'HEADGATE_OBJECT_REPLACED',
    'uploads/plain.txt': undefined,
  }
  for (const [key, code] of Object.entries(forged)) {
    const record = streamRecord({ ...victim, key })
    await processor.process(record, going)
    if (code) t.match(await letterOf(record), { error: { code } })
    t.strictSame(await store.get(victim), victim, key)
  }
  const foreign = streamRecord({ ...victim, bucket: 'somebody-elses' })
  await processor.process(foreign, going)
  t.strictSame(await store.get(victim), victim)
  t.strictSame(await store.get(other), other)

  // A copied object keeps its metadata.
  await putUpload(aws.s3, { ...victim, key: 'uploads/copy.txt' }, 'a copy')
  await processor.process(streamRecord({ bucket: victim.bucket, key: 'uploads/copy.txt' }), going)
  t.strictSame(await store.get(victim), victim, 'a bare event of a copy does not change it')
  await processor.process(streamRecord(victim), going)
  t.match(await store.get(victim), { status: 'processed' })
})

t.test(
  'with a flat template, an upload whose object was overwritten is failed, and the newer upload is processed',
  async t => {
    const key = 'uploads/flat.txt'
    const older = await pipeline.upload('older', { key })
    const newer = await pipeline.upload('newer', { key, owner: 'owner-2' })
    const record = streamRecord(older)
    await processor.process(record, going)
    t.match(await store.get(older), { status: 'failed', failure: { code: 'HEADGATE_OBJECT_REPLACED' } })
    t.match(await letterOf(record), { error: { code: 'HEADGATE_OBJECT_REPLACED' } })
    t.match(await store.get(newer), { status: 'stored' })
    await processor.process(streamRecord(newer), going)
    t.match(await store.get(newer), { status: 'processed' })
    t.equal((await read('processed/flat.txt')).text, 'NEWER')
    await processor.process(record, going)
    t.equal((await read('processed/flat.txt')).text, 'NEWER')
  },
)
