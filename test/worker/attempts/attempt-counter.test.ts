import t from 'tap'
import { LeaseLostError } from '../../../services/consumer/index.ts'
import { names } from '../../../services/platform/resources.ts'
import { OutOfTimeError, ProcessEndedError } from '../../../services/worker/errors.ts'
import { createAttemptCounter } from '../../../services/worker/processing/attempts/attempt-counter.ts'
import { createAttemptStore } from '../../../services/worker/processing/attempts/attempt-store.ts'
import { FAILURE_LIMITS } from '../../../services/worker/processing/failure-policy.ts'
import type { StreamRecord } from '../../../services/worker/stream-record.ts'
import { createMemoryLog } from '../memory-log.ts'
import { deadLetterOf, exists, going, startPipeline, streamRecord } from '../pipeline.ts'

const pipeline = await startPipeline(t)
const { aws, store } = pipeline
const attempts = createAttemptStore({ dynamodb: aws.dynamodb, table: names.uploadsTable, stream: names.stream })
const { log, lines } = createMemoryLog()
const { runCounted } = createAttemptCounter({ attempts, log })
const suspect = { signal: going.signal, isSuspect: true, hasWholeTime: false }
const never = { died: 0, outOfTime: 0 }
const unused = () => Promise.reject(new Error('must not start'))

/** Starts to process a record and never ends, like a worker that dies. */
async function die(record: StreamRecord): Promise<void> {
  const { promise: begun, resolve } = Promise.withResolvers<void>()
  // A counter of its own, like another process, so that the work never blocks other work of the test.
  const { runCounted } = createAttemptCounter({ attempts, log })
  void runCounted(record, suspect, () => {
    resolve()
    return new Promise<never>(() => undefined)
  })
  await begun
}

t.test('attempts of a record that is not suspect are neither counted nor read', async t => {
  const record = streamRecord('plain')
  await attempts.begin(record, FAILURE_LIMITS.workerDeaths)
  t.equal(await runCounted(record, { ...suspect, isSuspect: false }, async () => 'done'), 'done')
  t.strictSame(await attempts.read(record), { died: FAILURE_LIMITS.workerDeaths, outOfTime: 0 })
})

t.test('a suspect record counts as a death from before its attempt until the attempt succeeds or fails', async t => {
  const record = streamRecord('suspect')
  await runCounted(record, suspect, async () => {
    t.strictSame(await attempts.read(record), { died: 1, outOfTime: 0 })
  })
  t.strictSame(await attempts.read(record), never)
  await die(record)
  await die(record)
  t.strictSame(await attempts.read(record), { died: 2, outOfTime: 0 })
  const failing = runCounted(record, suspect, async () => {
    t.strictSame(await attempts.read(record), { died: 3, outOfTime: 0 })
    throw new Error('trouble')
  })
  await t.rejects(failing, { message: 'trouble' })
  t.strictSame(await attempts.read(record), never, 'an attempt that throws is no death')
})

t.test(
  'an attempt that is aborted because its worker ends counts as a death, because the record may be the reason',
  async t => {
    const record = streamRecord('crash')
    const ending = new AbortController()
    const work = async () => {
      ending.abort(new Error('the worker ends'))
      throw ending.signal.reason
    }
    await t.rejects(runCounted(record, { ...suspect, signal: ending.signal }, work), { message: 'the worker ends' })
    t.strictSame(await attempts.read(record), { died: 1, outOfTime: 0 })
  },
)

t.test('an attempt that is aborted by the loss of its lease does not count as a death', async t => {
  const record = streamRecord('lease lost')
  await die(record)
  for (let times = 0; times < FAILURE_LIMITS.workerDeaths + 1; times++) {
    const lost = new AbortController()
    const work = async () => {
      t.strictSame(await attempts.read(record), { died: 2, outOfTime: 0 })
      lost.abort(new LeaseLostError('The lease is gone.'))
      throw lost.signal.reason
    }
    await t.rejects(runCounted(record, { ...suspect, signal: lost.signal }, work), { code: 'CONSUMER_LEASE_LOST' })
    t.strictSame(await attempts.read(record), { died: 1, outOfTime: 0 }, 'the earlier death still counts')
  }
})

t.test('the loss of a lease does not undo the count of the worker that took the record over', async t => {
  const record = streamRecord('stalled')
  const lost = new AbortController()
  const work = async () => {
    // This worker was paused until its lease expired. The next worker has started the record and died.
    await die(record)
    lost.abort(new LeaseLostError('The lease is gone.'))
    throw lost.signal.reason
  }
  await t.rejects(runCounted(record, { ...suspect, signal: lost.signal }, work), { code: 'CONSUMER_LEASE_LOST' })
  t.strictSame(await attempts.read(record), { died: 2, outOfTime: 0 })
})

t.test('a record with the maximum of deaths is not started again', async t => {
  const record = streamRecord('poison')
  for (let death = 0; death < FAILURE_LIMITS.workerDeaths; death++) await die(record)
  for (let times = 0; times < 2; times++) {
    await t.rejects(runCounted(record, suspect, unused), {
      code: 'HEADGATE_POISON_RECORD',
      message: /4 workers in a row died/,
    })
  }
  t.strictSame(await attempts.read(streamRecord('another')), never)
})

t.test('records whose earlier attempts died run alone', async t => {
  const [seen, other, fresh] = [streamRecord('a'), streamRecord('b'), streamRecord('c')]
  await die(seen)
  await die(other)
  let now = 0
  let max = 0
  const work = async () => {
    max = Math.max(max, ++now)
    await new Promise(resolve => setTimeout(resolve, 20))
    now--
  }
  await Promise.all([seen, other, fresh].map(record => runCounted(record, suspect, work)))
  t.equal(max, 1)
})

t.test('an attempt that runs out of time is counted only if it had the whole time, and never as a death', async t => {
  const record = streamRecord('slow')
  const aborter = new AbortController()
  aborter.abort(new OutOfTimeError('The time is up.'))
  const { signal } = aborter
  const runOutOfTime = () => Promise.reject(signal.reason)
  const { runCounted: count } = createAttemptCounter({
    attempts,
    log,
    // The signal fires in the middle of the work.
    isolation: { together: work => work(), alone: work => work() },
  })
  await t.rejects(count(record, { signal, isSuspect: false, hasWholeTime: false }, runOutOfTime))
  t.strictSame(await attempts.read(record), never)
  for (let times = 1; times <= FAILURE_LIMITS.outOfTime; times++) {
    await t.rejects(count(record, { signal, isSuspect: times > 1, hasWholeTime: true }, runOutOfTime), {
      message: /time is up/,
    })
    t.strictSame(await attempts.read(record), { died: 0, outOfTime: times })
  }
  await t.rejects(count(record, suspect, unused), { code: 'HEADGATE_TOO_SLOW' })
})

t.test('if the end of an attempt can not be stored, that is logged and the record is done', async t => {
  const failing = { ...attempts, forget: () => Promise.reject(new Error('no answer')) }
  const { runCounted: count } = createAttemptCounter({ attempts: failing, log })
  const record = streamRecord('done')
  t.equal(await count(record, suspect, async () => 'done'), 'done')
  const { sequenceNumber } = record
  t.match(lines, [{ level: 'warn', sequenceNumber, err: { message: 'no answer' } }])
})

t.test(
  'an upload whose event names only its object is failed too, and a record of no object becomes a dead letter',
  async t => {
    const upload = await pipeline.upload('hello')
    const processor = pipeline.processor()
    for (const key of [upload.key, 'uploads/nothing']) {
      const record = streamRecord({ bucket: upload.bucket, key })
      for (let death = 0; death < FAILURE_LIMITS.workerDeaths; death++) await die(record)
      await processor.process(record, { ...going, isSuspect: true })
      t.ok(await exists(aws.s3, deadLetterOf(record)))
    }
    t.match(await store.get(upload), { status: 'failed', failure: { code: 'HEADGATE_POISON_RECORD' } })
  },
)

t.test('an upload with the maximum of deaths is failed without outputs, and can be redriven', async t => {
  const upload = await pipeline.upload('hello')
  const record = streamRecord(upload)
  const processor = pipeline.processor()
  for (let death = 0; death < FAILURE_LIMITS.workerDeaths; death++) await die(record)
  // An output of the last attempt.
  const key = upload.key.replace('uploads/', 'processed/')
  await pipeline.results.put({
    name: 'further',
    contentType: 'text/plain',
    body: Buffer.from('half'),
    madeOf: upload.uploadId,
    source: upload,
    transform: { name: 'deadly', version: '1' },
  })
  await processor.process(record, { ...going, isSuspect: true })
  t.match(await store.get(upload), { status: 'failed', failure: { code: 'HEADGATE_POISON_RECORD' } })
  t.notOk(await exists(aws.s3, key))
  t.equal(await pipeline.results.get(upload, 'further', upload.uploadId), undefined)
  t.match(JSON.parse((await pipeline.read(deadLetterOf(record))).text), { upload: { uploadId: upload.uploadId } })
  t.strictSame(await attempts.read(record), never, 'a replay of the record starts with no deaths')
  await processor.process(streamRecord(upload), { ...going, isSuspect: true })
  t.match(await store.get(upload), { status: 'processed' })
})

t.test('an upload that ends three processes in a row is a poison record', async t => {
  const upload = await pipeline.upload('hello')
  const record = streamRecord(upload)
  const transform = {
    name: 'exiting',
    version: '1',
    apply: () => Promise.reject(new ProcessEndedError('The process ended.', { wasUsed: false })),
  }
  const processor = pipeline.processor({ transforms: [transform] })
  for (const attempt of [1, 2]) {
    await t.rejects(processor.process(record, { ...going, attempt }), { code: 'HEADGATE_PROCESS_ENDED' })
  }
  await processor.process(record, { ...going, attempt: 3 })
  t.match(await store.get(upload), { status: 'failed', failure: { code: 'HEADGATE_POISON_RECORD' } })
})

t.test('the end of a process that another upload had used does not count against a record', async t => {
  const upload = await pipeline.upload('hello')
  const record = streamRecord(upload)
  const transform = {
    name: 'exiting',
    version: '1',
    apply: () => Promise.reject(new ProcessEndedError('The process ended.', { wasUsed: true })),
  }
  const processor = pipeline.processor({ transforms: [transform] })
  for (const attempt of [1, 2, 3, 4]) {
    await t.rejects(processor.process(record, { ...going, attempt }), { code: 'HEADGATE_PROCESS_ENDED' })
  }
  t.notMatch(await store.get(upload), { status: 'failed' })
})
