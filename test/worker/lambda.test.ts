import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { PutObjectCommand } from '@aws-sdk/client-s3'
import t from 'tap'
import { names } from '../../services/platform/resources.ts'
import { createLambdaHandler } from '../../services/worker/lambda/handler.ts'
import { kinesisEvent } from './kinesis-event.ts'
import { deadLetterOf, startPipeline, streamRecord, uploadRecord } from './pipeline.ts'
import { startS3Proxy } from './s3-proxy.ts'

const pipeline = await startPipeline(t)
const { aws, store, read } = pipeline
const context = { getRemainingTimeInMillis: () => 60_000 }

const lambda = new URL('../../services/worker/lambda.ts', import.meta.url).href

t.test('the entry processes a batch, configured only by its environment', async t => {
  const before = { ...process.env }
  t.teardown(() => {
    process.env = before
  })
  Object.assign(process.env, aws.env, { LOG_LEVEL: 'silent' })
  const { handler }: typeof import('../../services/worker/lambda.ts') = await import(lambda)

  const upload = await pipeline.upload('hello kinesis')
  const missing = uploadRecord()
  await store.create(missing)
  const poison = streamRecord('not json')
  const records = [streamRecord(upload), poison, streamRecord(missing)]
  t.strictSame(await handler(kinesisEvent(records), context), { batchItemFailures: [] })
  t.equal((await read(`processed/owner-1/${upload.uploadId}/demo.txt`)).text, 'HELLO KINESIS')
  t.match(await store.get(upload), { status: 'processed' })
  t.match(await store.get(missing), { status: 'failed', failure: { code: 'HEADGATE_OBJECT_MISSING' } })
  t.match(JSON.parse((await read(deadLetterOf(poison))).text), {
    shardId: poison.shardId,
    data: Buffer.from('not json').toString('base64'),
  })
})

t.test('after a retryable error the handler returns the first record to retry', async t => {
  const proxy = await startS3Proxy(t, aws)
  const handler = createLambdaHandler({ processor: pipeline.processor({ s3: proxy.s3 }), log: pipeline.log })
  const uploads = await Promise.all(['one', 'two', 'three', 'four'].map(text => pipeline.upload(text)))
  const records = uploads.map(upload => streamRecord(upload))
  const bad = uploads[2]?.uploadId ?? 'none'
  proxy.decide(({ url }) => (url?.includes(bad) ? { status: 503, code: 'SlowDown' } : 'pass'))

  t.strictSame(await handler(kinesisEvent(records), context), {
    batchItemFailures: [{ itemIdentifier: records[2]?.sequenceNumber }],
  })
  const statuses = () => Promise.all(uploads.map(async upload => (await store.get(upload))?.status))
  t.strictSame(await statuses(), ['processed', 'processed', 'stored', 'stored'], 'all four have one partition key')

  proxy.decide(() => 'pass')
  t.strictSame(await handler(kinesisEvent(records.slice(2)), context), { batchItemFailures: [] })
  t.strictSame(await statuses(), ['processed', 'processed', 'processed', 'processed'])
})

t.test('the tutorial’s bare event is processed, with a non-ASCII key too', async t => {
  const handler = createLambdaHandler({ processor: pipeline.processor(), log: pipeline.log })
  const Key = 'uploads/grüße 1+1.txt'
  await aws.s3.send(new PutObjectCommand({ Bucket: names.uploadBucket, Key, Body: 'hallo' }))
  await handler(kinesisEvent([streamRecord({ bucket: names.uploadBucket, key: Key })]), context)
  t.equal((await read('processed/grüße 1+1.txt')).text, 'HALLO')
})

t.test('an invalid configuration fails the start with the names of all invalid variables', async t => {
  const start = promisify(execFile)(process.execPath, ['--input-type=module', '-e', `await import('${lambda}')`], {
    env: { PATH: process.env.PATH, AWS_REGION: 'us-east-1', LOG_LEVEL: 'loud' },
  })
  const failed = await start.then(
    () => ({ code: 0, stderr: '' }),
    (error: { code: number; stderr: string }) => error,
  )
  t.equal(failed.code, 1)
  for (const variable of ['UPLOAD_BUCKET', 'PROCESSED_BUCKET', 'LOG_LEVEL']) t.match(failed.stderr, variable)
})
