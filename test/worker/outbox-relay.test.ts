import {
  GetRecordsCommand,
  GetShardIteratorCommand,
  type KinesisClient,
  ListShardsCommand,
} from '@aws-sdk/client-kinesis'
import { ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3'
import t from 'tap'
import { names } from '../../services/platform/resources.ts'
import { decodeEvent } from '../../services/uploads/events/decode-event.ts'
import { isUploadEvent } from '../../services/uploads/events/event.ts'
import { createPublisher } from '../../services/uploads/events/publisher.ts'
import { createRemoveObject } from '../../services/uploads/objects/remove-object.ts'
import { createRemoveOutputs } from '../../services/uploads/objects/remove-outputs.ts'
import { createResultStore } from '../../services/uploads/objects/result-store.ts'
import { createDeletions } from '../../services/uploads/records/deletions.ts'
import { eventOf, outboxPartition, type UploadRecord } from '../../services/uploads/records/record.ts'
import { createUploadStore } from '../../services/uploads/records/store.ts'
import { createOutboxRelay, type OutboxRelaySettings } from '../../services/worker/outbox/relay.ts'
import { startAws } from '../support/aws.ts'
import { createMemoryLog } from './memory-log.ts'
import { uploadRecord } from './pipeline.ts'

const { kinesis, dynamodb, s3 } = await startAws(t)
const store = createUploadStore({ dynamodb, table: names.uploadsTable })
const records = { dynamodb, table: names.uploadsTable }
const deletions = createDeletions({
  ...records,
  removeObject: createRemoveObject(s3),
  removeOutputs: createRemoveOutputs(s3, createResultStore(records)),
})
const { log, lines } = createMemoryLog()

const MINUTE = 60_000

function publisher(client: KinesisClient = kinesis, stream: string = names.stream) {
  return createPublisher({ kinesis: client, stream, timeoutMs: 2_000 })
}

function relay(settings: Partial<OutboxRelaySettings> = {}) {
  return createOutboxRelay({
    store,
    deletions,
    publisher: publisher(),
    intervalMs: 20,
    graceMs: MINUTE,
    // Large enough that a pass completes on a slow machine.
    deletionLimits: { concurrency: 8, eachMs: 10_000, passMs: MINUTE },
    log,
    ...settings,
  })
}

/** Creates uploads of a given age, with their outbox mark. */
async function recorded(count: number, ageMs: number): Promise<UploadRecord[]> {
  const uploadedAt = new Date(Date.now() - ageMs).toISOString()
  const records = Array.from({ length: count }, () => uploadRecord({ uploadedAt }))
  for (const record of records) await store.create(record)
  return records
}

/** Returns an upload in the first partition of the outbox. The tests create more of them than a page holds. */
function inFirstPartition(epochMs: number): UploadRecord {
  const uploadedAt = new Date(epochMs).toISOString()
  while (true) {
    const record = uploadRecord({ uploadedAt })
    if (outboxPartition(record.uploadId) === 'outbox-0') return record
  }
}

/** Counts how often each upload's event is on the stream. */
async function onStream(): Promise<Map<string, number>> {
  const counts = new Map<string, number>()
  const { Shards = [] } = await kinesis.send(new ListShardsCommand({ StreamName: names.stream }))
  for (const { ShardId } of Shards) {
    const start = { StreamName: names.stream, ShardId, ShardIteratorType: 'TRIM_HORIZON' } as const
    let { ShardIterator } = await kinesis.send(new GetShardIteratorCommand(start))
    while (ShardIterator) {
      const { Records = [], NextShardIterator } = await kinesis.send(new GetRecordsCommand({ ShardIterator }))
      for (const { Data } of Records) {
        const event = decodeEvent(Data ?? new Uint8Array())
        if (isUploadEvent(event)) counts.set(event.uploadId, (counts.get(event.uploadId) ?? 0) + 1)
      }
      ShardIterator = Records.length > 0 ? NextShardIterator : undefined
    }
  }
  return counts
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 20_000
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error('not within 20 s')
    await new Promise(resolve => setTimeout(resolve, 10))
  }
}

t.test('two concurrent relays publish every event once and remove the outbox marks', async t => {
  const uploads = await recorded(300, 2 * MINUTE)
  const published = await Promise.all([relay().runOnce(), relay().runOnce()])
  t.equal((published[0] ?? 0) + (published[1] ?? 0), uploads.length)
  const counts = await onStream()
  for (const upload of uploads) {
    if (counts.get(upload.uploadId) !== 1) t.fail(`${upload.uploadId}: ${counts.get(upload.uploadId)}`)
  }
  t.match(await store.get(uploads[0] ?? uploadRecord()), { status: 'queued' })
  t.equal(await relay().runOnce(), 0, 'nothing is left')
})

t.test('an upload is not published by the relay before its grace period ends', async t => {
  const [upload = uploadRecord()] = await recorded(1, 10_000)
  t.equal(await relay().runOnce(), 0)
  t.match(await store.get(upload), { status: 'stored' })
  const later = new Date(Date.now() + MINUTE)
  t.equal(await relay({ now: () => later }).runOnce(), 1)
  t.equal((await onStream()).get(upload.uploadId), 1)
})

t.test('an unfinished deletion is finished, and its event is not published', async t => {
  const [upload = uploadRecord(), other = uploadRecord()] = await recorded(2, 2 * MINUTE)
  for (const { bucket, key } of [upload, other]) {
    await s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: 'x' }))
  }
  await deletions.begin(upload)
  t.equal(await relay().runOnce(), 2)
  const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: names.uploadBucket }))
  const keys = Contents.map(({ Key }) => Key)
  t.notOk(keys.includes(upload.key))
  t.ok(keys.includes(other.key))
  const events = await onStream()
  t.notOk(events.has(upload.uploadId))
  t.equal(events.get(other.uploadId), 1)
  t.equal(await relay().runOnce(), 0, 'nothing is left')
})

t.test('after a pass the relay knows the age of the oldest upload that remains', async t => {
  const passed = relay()
  t.equal(passed.oldestMs(), undefined, 'before the first pass')
  await passed.runOnce()
  t.equal(passed.oldestMs(), 0, 'nothing is left')

  const at = (ageMs: number) => new Date(Date.now() - ageMs).toISOString()
  const uploads = [3 * MINUTE, 2 * MINUTE].map(age => uploadRecord({ uploadedAt: at(age), updatedAt: at(age) }))
  for (const upload of uploads) await store.create(upload)
  const refused = relay({ publisher: { publish: () => Promise.reject(new Error('no stream')) } })
  await t.rejects(refused.runOnce())
  const oldest = refused.oldestMs() ?? 0
  t.ok(oldest >= 3 * MINUTE && oldest < 4 * MINUTE, `${oldest} ms`)

  const blind = relay({ store: { ...store, listOutbox: () => Promise.reject(new Error('no table')) } })
  await t.rejects(blind.runOnce())
  t.equal(blind.oldestMs(), undefined, 'unknown if the outbox can not be read')
  const later = new Date(Date.now() + MINUTE)
  t.equal(await relay({ now: () => later }).runOnce(), 2, 'they are published after the claims expired')
})

t.test('the event is the one that the api would have published', async t => {
  const sent: unknown[] = []
  const [upload = uploadRecord()] = await recorded(1, 2 * MINUTE)
  const recording = { publish: async (event: unknown) => void sent.push(event) }
  await relay({ publisher: recording }).runOnce()
  t.strictSame(sent, [eventOf(upload)])
})

t.test('an upload whose relay died is published after its claim expires', async t => {
  const [upload = uploadRecord()] = await recorded(1, 2 * MINUTE)
  const now = Date.now()
  t.ok(await store.claimOutbox(upload, { now, until: now + 30_000 }))
  t.equal(await relay().runOnce(), 0, 'not while the claim is valid')
  const after = new Date(now + 30_001)
  t.equal(await relay({ now: () => after }).runOnce(), 1)
})

t.test('uploads that other relays have claimed do not block later uploads', async t => {
  const now = Date.now()
  const held = Array.from({ length: 120 }, () => inFirstPartition(now - 3 * MINUTE))
  for (const upload of held) {
    await store.create(upload)
    await store.claimOutbox(upload, { now, until: now + 5 * MINUTE })
  }
  const behind = inFirstPartition(now - 2 * MINUTE)
  await store.create(behind)
  t.equal(await relay().runOnce(), 1)
  t.match(await store.get(behind), { status: 'queued' })
  const later = new Date(now + 6 * MINUTE)
  t.equal(await relay({ now: () => later }).runOnce(), held.length)
})

t.test('if Kinesis rejects an event, the relay logs that and retries, and the upload keeps its mark', async t => {
  lines.length = 0
  const [upload = uploadRecord()] = await recorded(1, 2 * MINUTE)
  const waits: number[] = []
  const missing = createPublisher({ kinesis, stream: 'no-such-stream', timeoutMs: 100 })
  const real = publisher()
  let failing = true
  const running = relay({
    publisher: { publish: event => (failing ? missing : real).publish(event) },
    claimMs: 200,
    random: () => 0.5,
    sleep: (ms, signal) => {
      waits.push(ms)
      if (waits.length === 2) failing = false
      return new Promise((resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason), { once: true })
        setTimeout(resolve, 10)
      })
    },
  })
  running.start()
  await until(() => lines.some(({ level }) => level === 'error'))
  t.match(await store.get(upload), { status: 'stored' })
  await until(async () => (await store.get(upload))?.status === 'queued')
  await running.stop()
  t.match(
    lines.find(({ level }) => level === 'error'),
    { msg: /outbox/, err: { type: 'AggregateError' } },
  )
  t.ok((waits[0] ?? 0) >= 40, 'the wait is longer after an error')
  t.ok((waits.at(-1) ?? 0) <= 20, 'and normal after a success')
  t.equal((await onStream()).get(upload.uploadId), 1)
})

t.test('deletions that fail neither block later uploads nor delay the next pass', async t => {
  const now = Date.now()
  const stuck = Array.from({ length: 120 }, () => inFirstPartition(now - 3 * MINUTE))
  for (const upload of stuck) {
    await store.create(upload)
    await deletions.begin(upload)
  }
  const behind = inFirstPartition(now - 2 * MINUTE)
  await store.create(behind)
  const waits: number[] = []
  const running = relay({
    deletions: { complete: () => Promise.reject(new Error('access denied')) },
    claimMs: 0,
    random: () => 0.5,
    sleep: async ms => {
      waits.push(ms)
      await new Promise(resolve => setTimeout(resolve, 1))
    },
  })
  lines.length = 0
  running.start()
  await until(() => waits.length >= 3)
  await running.stop()
  t.match(await store.get(behind), { status: 'queued' })
  t.strictSame([...new Set(waits)], [20], 'the next pass is not delayed')
  const [line] = lines.filter(({ level }) => level === 'error') as Array<{ err: { aggregateErrors: unknown[] } }>
  t.match(line, { err: { type: 'AggregateError' } }, 'the failed deletions are logged')
  await relay({ now: () => new Date(now + MINUTE) }).runOnce()
})

t.test('slow deletions delay no event, run a few at a time, and are finished by a later pass', async t => {
  const now = Date.now()
  const slow = Array.from({ length: 30 }, () => uploadRecord({ uploadedAt: new Date(now - 3 * MINUTE).toISOString() }))
  for (const upload of slow) {
    await store.create(upload)
    await deletions.begin(upload)
  }
  const behind = await recorded(20, 2 * MINUTE)
  const published: string[] = []
  const publishedAtFirstDeletion: number[] = []
  let begun = 0
  const hanging = relay({
    publisher: { publish: async ({ uploadId }) => void published.push(uploadId) },
    deletions: {
      complete: () => {
        publishedAtFirstDeletion.push(published.length)
        begun++
        return new Promise(() => undefined)
      },
    },
    deletionLimits: { concurrency: 3, eachMs: 50, passMs: 100 },
  })
  const beganAt = performance.now()
  const error = await hanging.runOnce().catch((thrown: unknown) => thrown)
  const tookMs = performance.now() - beganAt
  t.equal(published.length, behind.length, 'every event is published')
  t.equal(publishedAtFirstDeletion[0], behind.length, 'before the first deletion begins')
  t.match(error, { name: 'AggregateError', errors: [{ errors: [{ code: 'HEADGATE_DEADLINE' }] }] })
  t.ok(begun >= 3 && begun <= 9, `${begun} of ${slow.length} deletions were begun: three at a time, for 100 ms`)
  t.ok(tookMs < 20_000, `the pass took ${tookMs} ms`)
  t.equal(hanging.oldestMs(), 0, 'no event waits')
  const later = new Date(now + 2 * MINUTE)
  t.equal(await relay({ now: () => later }).runOnce(), slow.length, 'a later pass finishes them')
})

t.test('a stop waits for uploads in flight and starts no others', async t => {
  const uploads = await recorded(40, 2 * MINUTE)
  const gate = Promise.withResolvers<void>()
  const real = publisher()
  let begun = 0
  const running = relay({
    publisher: {
      async publish(event) {
        begun++
        await gate.promise
        await real.publish(event)
      },
    },
  })
  running.start()
  await until(() => begun > 0)
  let stopped = false
  const stopping = running.stop().then(() => {
    stopped = true
  })
  await new Promise(resolve => setImmediate(resolve))
  t.notOk(stopped)
  gate.resolve()
  await stopping
  t.ok(begun < uploads.length, `${begun} of ${uploads.length} were begun`)
  const statuses = await Promise.all(uploads.map(async upload => (await store.get(upload))?.status))
  t.equal(statuses.filter(status => status === 'queued').length, begun, 'every started upload is published')
  t.equal(await relay().runOnce(), uploads.length - begun, 'another relay publishes the rest')
})

t.test('a stop interrupts the wait between two passes', async t => {
  const running = relay({ intervalMs: 3_600_000 })
  running.start()
  running.start()
  await until(async () => (await relay().runOnce()) === 0)
  await running.stop()
  await relay().stop()
  t.pass('stopped')
})
