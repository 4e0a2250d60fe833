import { DeleteObjectCommand, PutObjectCommand, PutObjectTaggingCommand } from '@aws-sdk/client-s3'
import t from 'tap'
import { names, SCAN_STATUS_TAG } from '../../../services/platform/resources.ts'
import { decodeEvent } from '../../../services/uploads/events/decode-event.ts'
import { createPutRecords, type NewRecord } from '../../../services/uploads/events/put-records.ts'
import { createParkedScanStore } from '../../../services/uploads/records/parked-scan-store.ts'
import { createQuarantineStore } from '../../../services/uploads/records/quarantine-store.ts'
import type { ObjectRef, UploadRecord } from '../../../services/uploads/records/record.ts'
import { createGuardDuty } from '../../../services/worker/scanning/guardduty.ts'
import { createScanRelay, type ScanRelaySettings } from '../../../services/worker/scanning/relay.ts'
import type { StreamRecord } from '../../../services/worker/stream-record.ts'
import { createClock } from '../notifications/world.ts'
import { deadLetterOf, going, putUpload, startPipeline, streamRecord } from '../pipeline.ts'

const HOUR_MS = 3_600_000

const pipeline = await startPipeline(t)
const { store, keys, lines, log } = pipeline
const { dynamodb, s3, kinesis } = pipeline.aws
const table = names.uploadsTable
const quarantine = createQuarantineStore({ dynamodb, table })
const parked = createParkedScanStore({ dynamodb, table })
const scanner = createGuardDuty(s3)
const counted: string[] = []
const counts = { quarantined: () => void counted.push('quarantined'), failed: () => void counted.push('failed') }

const processor = (change: Parameters<typeof pipeline.processor>[0] = {}) =>
  pipeline.processor({ scanning: { scanner, quarantine, parked, counts }, ...change })

/** Tags an object as GuardDuty does. */
async function tag({ bucket, key }: ObjectRef, status: string): Promise<void> {
  const TagSet = [
    { Key: 'other', Value: 'x' },
    { Key: SCAN_STATUS_TAG, Value: status },
  ]
  await s3.send(new PutObjectTaggingCommand({ Bucket: bucket, Key: key, Tagging: { TagSet } }))
}

/** A relay whose clock a test sets forward, and the records that it puts on the stream. */
function relayWith(change: Partial<ScanRelaySettings> = {}) {
  const clock = createClock()
  const put: NewRecord[] = []
  const toStream = createPutRecords(kinesis, names.stream)
  const relay = createScanRelay({
    store: parked,
    scanner,
    async putRecords(records, options) {
      put.push(...records)
      return toStream(records, options)
    },
    log,
    now: clock.now,
    ...change,
  })
  const recordOf = ({ data }: NewRecord): StreamRecord => ({ ...streamRecord('x'), data })
  return {
    relay,
    clock,
    put,
    /** Makes a pass some time later, and processes what it put on the stream. */
    async passAfter(ms: number, take = processor()): Promise<number> {
      clock.advance(ms)
      const before = put.length
      const count = await relay.runOnce()
      for (const record of put.slice(before)) await take.process(recordOf(record), going)
      return count
    },
  }
}

t.beforeEach(async () => {
  // Removes what an earlier test has left.
  const accept = async () => [{ SequenceNumber: '1' }]
  const { relay, clock } = relayWith({ giveUpAfterMs: 0, putRecords: accept })
  clock.advance(24 * HOUR_MS)
  await relay.runOnce()
  counted.length = 0
  lines.length = 0
})

const outputsOf = async ({ uploadId }: UploadRecord) => (await keys()).filter(key => key.includes(uploadId))

t.test('an upload whose tag is there already is processed or quarantined at once', async t => {
  const [clean, infected] = [await pipeline.upload('hello'), await pipeline.upload('bad')]
  await tag(clean, 'NO_THREATS_FOUND')
  await tag(infected, 'THREATS_FOUND')
  for (const upload of [clean, infected]) await processor().process(streamRecord(upload), going)
  t.match(await store.get(clean), { status: 'processed', scan: { scanner: 'guardduty', verdict: 'clean' } })
  t.match(await store.get(infected), {
    status: 'quarantined',
    scan: { scanner: 'guardduty', verdict: 'infected', signature: 'THREATS_FOUND' },
  })
  t.strictSame(await outputsOf(infected), [])
  t.equal(await relayWith().passAfter(60_000), 0, 'nothing is parked')
})

t.test(
  'an upload without a tag is parked, its record is done, and a relay queues it once the tag is there',
  async t => {
    const upload = await pipeline.upload('hello')
    await processor().process(streamRecord(upload), going)
    t.match(await store.get(upload), { status: 'scanning' })
    t.strictSame(await outputsOf(upload), [])

    const { relay, passAfter, put } = relayWith()
    t.equal(await passAfter(0), 0, 'it is not due yet')
    t.equal(await passAfter(5_000), 0, 'it has no tag yet')
    t.ok((relay.oldestMs() ?? 0) >= 5_000)
    t.equal(await passAfter(1_000), 0, 'it is not due again yet')
    await tag(upload, 'NO_THREATS_FOUND')
    t.equal(await passAfter(60_000), 1)
    t.equal(put.length, 1)
    t.match(put[0]?.partitionKey, 'key-1')
    t.match(decodeEvent(put[0]?.data ?? Buffer.of()), { uploadId: upload.uploadId, sha256: upload.sha256 })
    t.match(await store.get(upload), { status: 'processed', scan: { verdict: 'clean' } })
    t.equal(await passAfter(10 * 60_000), 0, 'it is not parked any more')
    t.equal(relay.oldestMs(), 0)
  },
)

t.test('a parked upload in which GuardDuty finds something is quarantined', async t => {
  const upload = await pipeline.upload('bad')
  await processor().process(streamRecord(upload), going)
  await tag(upload, 'THREATS_FOUND')
  t.equal(await relayWith().passAfter(5_000), 1)
  t.match(await store.get(upload), { status: 'quarantined', failure: { code: 'HEADGATE_MALWARE_FOUND' } })
  t.strictSame(counted, ['quarantined'])
})

t.test('an upload that GuardDuty could not scan waits, and fails when it has waited for too long', async t => {
  for (const status of ['UNSUPPORTED', 'ACCESS_DENIED', 'FAILED', 'SOMETHING_NEW']) {
    const upload = await pipeline.upload('hello')
    await tag(upload, status)
    const arrivedAt = new Date()
    const strict = processor({ giveUpAfterMs: HOUR_MS })
    const record = { ...streamRecord(upload), arrivedAt }
    await strict.process(record, going)
    t.match(await store.get(upload), { status: 'scanning' }, status)
    const { passAfter, put, clock } = relayWith({ giveUpAfterMs: HOUR_MS })
    for (let minutes = 5; minutes < 60; minutes += 5) t.equal(await passAfter(5 * 60_000), 0)
    clock.advance(10 * 60_000)
    t.equal(await passAfter(0, { process: async () => undefined }), 1)
    // The clock of the worker is behind that of the relay. No relay looks for this verdict any more, so the worker must not wait.
    const [again] = put
    await strict.process({ ...streamRecord('x'), data: again?.data ?? Buffer.of() }, going)
    t.match(await store.get(upload), { status: 'failed', failure: { code: 'HEADGATE_NOT_SCANNED' } })
    t.equal(await passAfter(HOUR_MS), 0)
  }
})

t.test('an upload that was parked for too long fails with a dead letter, and a redrive waits again', async t => {
  const upload = await pipeline.upload('hello')
  await tag(upload, 'FAILED')
  const old = { ...streamRecord(upload), arrivedAt: new Date(Date.now() - 2 * HOUR_MS) }
  const strict = processor({ giveUpAfterMs: HOUR_MS })
  await strict.process(old, going)
  t.match(await store.get(upload), {
    status: 'failed',
    failure: {
      code: 'HEADGATE_NOT_SCANNED',
      reason: `GuardDuty did not scan the file within 1 hours. Its tag ${SCAN_STATUS_TAG} is FAILED.`,
    },
  })
  t.ok((await keys()).includes(deadLetterOf(old)))
  t.strictSame(await outputsOf(upload), [])
  t.strictSame(counted, ['failed'])
  const failed = await store.get(upload)
  if (failed) await store.markRedriven(failed)
  await strict.process({ ...streamRecord(upload), arrivedAt: new Date() }, going)
  t.match(await store.get(upload), { status: 'scanning' })
})

t.test('an object that is replaced after its tag was read is not transformed', async t => {
  const upload = await pipeline.upload('hello')
  await tag(upload, 'NO_THREATS_FOUND')
  const late = {
    ...scanner,
    async read(object: ObjectRef, signal: AbortSignal) {
      const verdict = await scanner.read(object, signal)
      await putUpload(s3, upload, 'bad')
      return verdict
    },
  }
  const racing = processor({ scanning: { scanner: late, quarantine, parked, counts } })
  await t.rejects(racing.process(streamRecord(upload), going), { code: 'HEADGATE_OBJECT_CHANGED' })
  await processor().process(streamRecord(upload), going)
  t.match(await store.get(upload), { status: 'scanning' }, 'the new object has no tag, so the upload waits')
  t.strictSame(await outputsOf(upload), [])
})

t.test('the event of another producer is parked and queued as it was', async t => {
  const bucket = names.uploadBucket
  const key = 'uploads/elsewhere/a.txt'
  await s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: 'hello' }))
  await processor().process(streamRecord({ bucket, key }), going)
  await tag({ bucket, key }, 'NO_THREATS_FOUND')
  const { passAfter, put } = relayWith()
  t.equal(await passAfter(60_000), 1)
  t.strictSame(JSON.parse(Buffer.from(put[0]?.data ?? Buffer.of()).toString()), { bucket, key })
  t.ok((await keys()).includes('processed/elsewhere/a.txt'))
})

t.test('an upload whose object is gone, or that is deleted, does not stay parked', async t => {
  const [gone, deleted] = [await pipeline.upload('hello'), await pipeline.upload('hello')]
  for (const upload of [gone, deleted]) await processor().process(streamRecord(upload), going)
  await s3.send(new DeleteObjectCommand({ Bucket: gone.bucket, Key: gone.key }))
  const hidden = await pipeline.deletions.begin(deleted)
  if (hidden) await pipeline.deletions.complete(hidden)
  const { passAfter } = relayWith()
  t.equal(await passAfter(60_000), 2)
  t.match(await store.get(gone), { status: 'failed', failure: { code: 'HEADGATE_OBJECT_MISSING' } })
  t.equal(await store.get(deleted), undefined)
  t.equal(await passAfter(HOUR_MS), 0)
})

t.test(
  'two relays put an upload on the stream once, and one that dies after its claim leaves it to the other',
  async t => {
    const upload = await pipeline.upload('hello')
    await processor().process(streamRecord(upload), going)
    await tag(upload, 'NO_THREATS_FOUND')
    const dying = relayWith({ putRecords: () => Promise.reject(new Error('Kinesis is down.')) })
    await t.rejects(dying.passAfter(5_000), { errors: [{ message: 'Kinesis is down.' }] })
    t.equal(dying.relay.oldestMs(), undefined)
    const [one, two] = [relayWith(), relayWith()]
    t.equal(await one.passAfter(5_000), 0, 'the claim has not expired')
    const counts = await Promise.all([one.passAfter(60_000), two.passAfter(65_000)])
    t.equal(counts[0] + counts[1], 1)
    t.match(await store.get(upload), { status: 'processed' })
  },
)

t.test('an error of S3 leaves an upload parked', async t => {
  const upload = await pipeline.upload('hello')
  await processor().process(streamRecord(upload), going)
  const denied = Object.assign(new Error('Access Denied'), { name: 'AccessDenied' })
  const broken = relayWith({ scanner: { ...scanner, read: () => Promise.reject(denied) } })
  await t.rejects(broken.passAfter(5_000), { errors: [{ name: 'AccessDenied' }] })
  t.match(await store.get(upload), { status: 'scanning' })
  await tag(upload, 'NO_THREATS_FOUND')
  t.equal(await relayWith().passAfter(120_000), 1)
})
