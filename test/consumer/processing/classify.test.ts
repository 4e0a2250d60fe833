import t from 'tap'
import { classifyError, type ErrorClass } from '../../../services/consumer/processing/classify.ts'

const named = (name: string) => Object.assign(new Error('x'), { name })
const coded = (code: string) => Object.assign(new Error('x'), { code })
const withStatus = (httpStatusCode: number) =>
  Object.assign(named('S3ServiceException'), { $metadata: { httpStatusCode } })

const table: ReadonlyArray<[string, unknown, ErrorClass]> = [
  ['an error of nobody we know', new Error('x'), 'retry'],
  ['a bug', new TypeError('x is not a function'), 'retry'],
  ['a throttled S3', named('SlowDown'), 'dependency'],
  ['a throttled DynamoDB', named('ProvisionedThroughputExceededException'), 'dependency'],
  ['a service that is throttled by another name', named('ThrottlingException'), 'dependency'],
  ['a service that is not there', named('ServiceUnavailable'), 'dependency'],
  ['a time-out of the SDK, or of AbortSignal.timeout', new DOMException('x', 'TimeoutError'), 'dependency'],
  ['a refused connection', coded('ECONNREFUSED'), 'dependency'],
  [
    'a refused connection to two addresses',
    Object.assign(new AggregateError([]), { code: 'ECONNREFUSED' }),
    'dependency',
  ],
  ['a reset connection', coded('ECONNRESET'), 'dependency'],
  ['a name that cannot be resolved', coded('ENOTFOUND'), 'dependency'],
  ['a connection time-out of undici', coded('UND_ERR_CONNECT_TIMEOUT'), 'dependency'],
  [
    'an error of fetch, whose cause says why',
    new TypeError('fetch failed', { cause: coded('ECONNREFUSED') }),
    'dependency',
  ],
  ['a cause far down', new Error('a', { cause: new Error('b', { cause: named('SlowDown') }) }), 'dependency'],
  ['an error that the SDK marks', Object.assign(new Error('x'), { $retryable: { throttling: true } }), 'dependency'],
  ['a 503', withStatus(503), 'dependency'],
  ['a 500', withStatus(500), 'dependency'],
  ['a 429', withStatus(429), 'dependency'],
  ['a 404', withStatus(404), 'retry'],
  ['a 403', withStatus(403), 'retry'],
  ['a 412', withStatus(412), 'retry'],
  ['a 502 of an HTTP client', Object.assign(new Error('x'), { statusCode: 502 }), 'dependency'],
  ['a 400 of an HTTP client', Object.assign(new Error('x'), { status: 400 }), 'retry'],
  ['a file that is not there', coded('ENOENT'), 'retry'],
  ['an aborted call', new DOMException('x', 'AbortError'), 'retry'],
  ['a code that is a number', Object.assign(new Error('x'), { code: 503 }), 'retry'],
  ['no error at all', undefined, 'retry'],
  ['a string', 'SlowDown', 'retry'],
]

for (const [name, error, expected] of table) {
  t.test(`${name} is classed as '${expected}'`, async t => {
    t.equal(classifyError(error), expected)
  })
}

t.test('an error that is its own cause is classed all the same', async t => {
  const error = new Error('x')
  error.cause = error
  t.equal(classifyError(error), 'retry')
})
