import t from 'tap'
import { InvalidEventError } from '../../services/uploads/errors.ts'
import { ObjectMissingError, TransformError } from '../../services/worker/errors.ts'
import { permanentFailure, readError } from '../../services/worker/processing/failure.ts'

function named(name: string): Error {
  return Object.assign(new Error(`as S3 said: ${name}`), { name })
}

t.test('what no retry mends is told with a code and a reason', async t => {
  t.strictSame(permanentFailure(new InvalidEventError('The event is not JSON.')), {
    code: 'HEADGATE_INVALID_EVENT',
    reason: 'The event is not JSON.',
  })
  t.strictSame(permanentFailure(new TransformError('not a picture')), {
    code: 'HEADGATE_TRANSFORM_REFUSED',
    reason: 'not a picture',
  })
})

t.test('everything that is not known is transient', async t => {
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
    t.equal(permanentFailure(named(name)), undefined, name)
    const error = named(name)
    t.equal(readError(error, 'a'), error, name)
  }
  t.equal(permanentFailure('thrown as a string'), undefined)
  t.equal(permanentFailure(undefined), undefined)
  t.equal(readError('thrown as a string', 'a'), 'thrown as a string')
})

t.test('NoSuchKey means a missing object only where the upload is read', async t => {
  t.equal(permanentFailure(named('NoSuchKey')), undefined)
  const error = readError(named('NoSuchKey'), 'uploads/a.txt')
  t.ok(error instanceof ObjectMissingError)
  t.match(permanentFailure(error), { code: 'HEADGATE_OBJECT_MISSING', reason: /uploads\/a\.txt/ })
  t.match(error, { cause: { name: 'NoSuchKey' } })
})

t.test('S3’s other last words on an object are permanent', async t => {
  t.match(permanentFailure(readError(named('InvalidObjectState'), 'a')), { code: 'HEADGATE_OBJECT_ARCHIVED' })
  t.match(permanentFailure(readError(named('KeyTooLongError'), 'a')), { code: 'HEADGATE_UNUSABLE_KEY' })
  t.match(permanentFailure(readError(named('InvalidURI'), 'a')), { code: 'HEADGATE_UNUSABLE_KEY' })
})

t.test('a reason is short and well-formed, whatever a transform wrote', async t => {
  const { reason } = permanentFailure(new TransformError('🎉'.repeat(2_000).slice(1))) ?? {}
  t.equal(reason?.length, 1_000)
  t.ok(reason?.isWellFormed())
})
