import { PutObjectTaggingCommand } from '@aws-sdk/client-s3'
import t from 'tap'
import { names, SCAN_STATUS_TAG } from '../../services/platform/resources.ts'
import { createParkedScanStore, SCAN_PARTITIONS } from '../../services/uploads/records/parked-scan-store.ts'
import { eventOf } from '../../services/uploads/records/record.ts'
import { createRelayHandler } from '../../services/worker/lambda/relay-handler.ts'
import { createMemoryLog } from './memory-log.ts'
import { startPipeline, uploadRecord } from './pipeline.ts'

const { log } = createMemoryLog()

t.test(
  'the scheduled function publishes events from the outbox and queues uploads whose scan has ended, configured only by its environment',
  async t => {
    const pipeline = await startPipeline(t, { shards: 1 })
    const { aws, store } = pipeline
    const before = { ...process.env }
    t.teardown(() => {
      process.env = before
    })
    Object.assign(process.env, aws.env, { LOG_LEVEL: 'silent', SCANNER: 'guardduty' })
    const entry = new URL('../../services/worker/lambda-relay.ts?relay', import.meta.url).href
    const { handler }: typeof import('../../services/worker/lambda-relay.ts') = await import(entry)
    const upload = uploadRecord({ uploadedAt: new Date(Date.now() - 120_000).toISOString() })
    await store.create(upload)
    const parked = createParkedScanStore({ dynamodb: aws.dynamodb, table: names.uploadsTable })
    const scanned = await pipeline.upload('hello')
    const { bucket, key } = scanned
    const event = JSON.stringify(eventOf(scanned))
    const tag = { Key: SCAN_STATUS_TAG, Value: 'NO_THREATS_FOUND' }
    await aws.s3.send(new PutObjectTaggingCommand({ Bucket: bucket, Key: key, Tagging: { TagSet: [tag] } }))
    await parked.park({ object: { bucket, key }, event, partitionKey: scanned.uploadId, since: Date.now() }, 0)
    const waiting = async () => {
      const query = { dueBefore: Number.MAX_SAFE_INTEGER, limit: 10 }
      const found = Array.from({ length: SCAN_PARTITIONS }, (_, partition) => parked.listDue({ ...query, partition }))
      return (await Promise.all(found)).flat().length
    }
    t.equal(await waiting(), 1)
    const context = { getRemainingTimeInMillis: () => 60_000 }
    t.strictSame(await handler({}, context), { published: 1 })
    t.match(await store.get(upload), { status: 'queued' })
    t.equal(await waiting(), 0)
    t.strictSame(await handler({}, context), { published: 0 })
  },
)

t.test('the age of the oldest remaining event is reported if it is known, even if the pass fails', async t => {
  const told: number[] = []
  const failing = (oldestMs: number | undefined) =>
    createRelayHandler({
      createRelay: () => ({
        runOnce: () => Promise.reject(new Error('no stream')),
        stop: async () => undefined,
        oldestMs: () => oldestMs,
      }),
      onPass: oldest => told.push(oldest),
      log,
    })
  const context = { getRemainingTimeInMillis: () => 60_000 }
  await t.rejects(failing(9_000)({}, context), { message: 'no stream' })
  await t.rejects(failing(undefined)({}, context), { message: 'no stream' })
  t.strictSame(told, [9_000])
})

t.test(
  'shortly before its timeout the function stops the relay and returns the number of published events',
  async t => {
    const stopped = Promise.withResolvers<void>()
    const handler = createRelayHandler({
      createRelay: () => ({
        runOnce: () => stopped.promise.then(() => 7),
        async stop() {
          stopped.resolve()
        },
        oldestMs: () => 0,
      }),
      onPass: () => undefined,
      log,
    })
    t.strictSame(await handler({}, { getRemainingTimeInMillis: () => 100 }), { published: 7 })
  },
)
