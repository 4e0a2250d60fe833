import t from 'tap'
import { InvalidEventError } from '../../services/uploads/errors.ts'
import {
  ObjectMissingError,
  OverdueError,
  PoisonRecordError,
  ProcessEndedError,
  ProcessLimitError,
  TooSlowError,
  TransformError,
} from '../../services/worker/errors.ts'
import { checkAttempts, type FailedAttempt, permanentFailure } from '../../services/worker/processing/failure-policy.ts'
import { readError } from '../../services/worker/processing/source-object.ts'
import { deadLetterOf, startPipeline, streamRecord, uploadRecord } from './pipeline.ts'
import { startS3Proxy } from './s3-proxy.ts'

const HOUR = 3_600_000
const NOW = 100 * HOUR
const first: FailedAttempt = { attempt: 1, arrivedAt: undefined, giveUpAfterMs: 20 * HOUR, now: NOW }

function named(name: string): Error {
  return Object.assign(new Error(`as S3 said: ${name}`), { name })
}

t.test('a permanent error is recorded with its code and reason', async t => {
  for (const error of [new InvalidEventError('The event is not JSON.'), new TransformError('not a picture')]) {
    t.strictSame(permanentFailure(error, first), { error, failure: { code: error.code, reason: error.message } })
  }
})

t.test('an error that is not known to be permanent is retried', async t => {
  const unknown = [
    'AccessDenied',
    'NoSuchBucket',
    'SlowDown',
    'TimeoutError',
    'AbortError',
    'NoSuchUpload',
    'TypeError',
  ]
  for (const name of unknown) {
    t.equal(permanentFailure(named(name), first), undefined, name)
    const error = named(name)
    t.equal(readError(error, 'a'), error, name)
  }
  t.equal(permanentFailure('thrown as a string', first), undefined)
  t.equal(permanentFailure(undefined, first), undefined)
  t.equal(readError('thrown as a string', 'a'), 'thrown as a string')
})

t.test('NoSuchKey is permanent only when the upload is read', async t => {
  t.equal(permanentFailure(named('NoSuchKey'), first), undefined)
  const error = readError(named('NoSuchKey'), 'uploads/a.txt')
  t.ok(error instanceof ObjectMissingError)
  t.match(permanentFailure(error, first), {
    failure: { code: 'HEADGATE_OBJECT_MISSING', reason: /uploads\/a\.txt/ },
    error: { cause: { name: 'NoSuchKey' } },
  })
})

t.test('an archived object and a key that S3 refuses are permanent', async t => {
  const codeOf = (name: string) => permanentFailure(readError(named(name), 'a'), first)?.failure.code
  t.equal(codeOf('InvalidObjectState'), 'HEADGATE_OBJECT_ARCHIVED')
  t.equal(codeOf('KeyTooLongError'), 'HEADGATE_UNUSABLE_KEY')
  t.equal(codeOf('InvalidURI'), 'HEADGATE_UNUSABLE_KEY')
})

t.test('a recorded reason is short and well-formed, for any message of a transform', async t => {
  const { reason } = permanentFailure(new TransformError('🎉'.repeat(2_000).slice(1)), first)?.failure ?? {}
  t.equal(reason?.length, 1_000)
  t.ok(reason?.isWellFormed())
})

t.test('a record that ends its transform process three times is poison', async t => {
  const error = new ProcessEndedError('The process ended.', { wasUsed: false })
  t.equal(permanentFailure(error, { ...first, attempt: 2 }), undefined)
  const decided = permanentFailure(error, { ...first, attempt: 3 })
  t.match(decided, { failure: { code: 'HEADGATE_POISON_RECORD', reason: /3 attempts/ }, error: { cause: error } })
  t.ok(decided?.error instanceof PoisonRecordError)
})

t.test('a record that exceeds a limit of its transform process twice is refused', async t => {
  const error = new ProcessLimitError('It computes for too long.', { wasUsed: false })
  t.equal(permanentFailure(error, first), undefined)
  t.match(permanentFailure(error, { ...first, attempt: 2 }), {
    failure: { code: 'HEADGATE_TRANSFORM_REFUSED', reason: 'It computes for too long.' },
  })
})

t.test('the end of a process that another upload had used does not count against a record', async t => {
  for (const error of [
    new ProcessEndedError('The process ended.', { wasUsed: true }),
    new ProcessLimitError('It computes for too long.', { wasUsed: true }),
  ]) {
    t.equal(permanentFailure(error, { ...first, attempt: 9 }), undefined)
  }
})

t.test('a retryable error is retried until the record is old and has had three attempts', async t => {
  const retryable = new Error('SlowDown')
  const failed = (arrivedAtHour: number, attempt: number) =>
    permanentFailure(retryable, { ...first, attempt, arrivedAt: new Date(arrivedAtHour * HOUR) })
  t.equal(failed(81, 9), undefined)
  t.equal(failed(80, 2), undefined)
  t.equal(permanentFailure(retryable, { ...first, attempt: 9 }), undefined, 'the age is not known')
  const decided = failed(80, 3)
  t.ok(decided?.error instanceof OverdueError)
  t.match(decided, { failure: { code: 'HEADGATE_OVERDUE', reason: /for 20 hours/ }, error: { cause: retryable } })
})

t.test('a record is not started again after four deaths of workers, or three function time-outs', async t => {
  checkAttempts({ died: 3, outOfTime: 2 })
  t.throws(() => checkAttempts({ died: 4, outOfTime: 0 }), PoisonRecordError)
  t.throws(() => checkAttempts({ died: 0, outOfTime: 3 }), TooSlowError)
})

t.test('an old upload that S3 does not return becomes a dead letter after three attempts', async t => {
  const pipeline = await startPipeline(t, { shards: 1 })
  const proxy = await startS3Proxy(t, pipeline.aws)
  proxy.decide(request => (request.url?.includes('uploads/') ? { status: 503, code: 'SlowDown' } : 'pass'))
  const processor = pipeline.processor({ s3: proxy.s3, giveUpAfterMs: HOUR })
  const upload = await pipeline.upload('hello')
  const record = { ...streamRecord(upload), arrivedAt: new Date(Date.now() - 2 * HOUR) }
  const { signal } = new AbortController()
  await t.rejects(processor.process(record, { signal, attempt: 2 }), { name: 'SlowDown' })
  t.match(await pipeline.store.get(upload), { status: 'stored' })
  await processor.process(record, { signal, attempt: 3 })
  t.match(await pipeline.store.get(upload), { status: 'failed', failure: { code: 'HEADGATE_OVERDUE' } })
  const { text } = await pipeline.read(deadLetterOf(record))
  t.match(JSON.parse(text), { error: { code: 'HEADGATE_OVERDUE', causes: [/SlowDown/] } })

  const missing = { ...streamRecord(uploadRecord()), arrivedAt: record.arrivedAt }
  proxy.decide(() => 'pass')
  await processor.process(missing, { signal, attempt: 3 })
  t.match(
    JSON.parse((await pipeline.read(deadLetterOf(missing))).text),
    { error: { code: 'HEADGATE_OBJECT_MISSING' } },
    'a permanent error keeps its code, even if the record is old',
  )
})
