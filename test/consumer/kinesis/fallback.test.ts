import t, { type Test } from 'tap'
import { createKinesisStream } from '../../../services/consumer/kinesis/kinesis-stream.ts'
import { type Answer, answer, CBOR, inCbor, JSON_1_1, jsonOr, startEndpoint } from './endpoint.ts'

const SHARD = 'shardId-000000000000'

async function start(test: Pick<Test, 'teardown'>, ...answers: Answer[]) {
  const endpoint = await startEndpoint(test, ...answers)
  const notices: Error[] = []
  const stream = createKinesisStream({
    kinesis: endpoint.client({ maxAttempts: 1 }),
    streamName: 'stream',
    requestTimeoutMs: 10_000,
    onFallback: error => notices.push(error),
  })
  return { ...endpoint, notices, getRecords: () => stream.getRecords(SHARD, 'iterator', 10) }
}

const refusals: Record<string, Answer> = {
  'says that the media type is not supported': answer(415, 'text/html', '<h1>no</h1>'),
  'finds nothing in the body': answer(400, JSON_1_1, { __type: 'SerializationException' }),
  'does not know the operation': answer(400, CBOR, { __type: 'com.amazon.coral.service#UnknownOperationException' }),
  'has no error that says so': answer(400, 'text/plain', 'what?'),
  'answers in another format': answer(200, JSON_1_1, { Records: [] }),
  'answers in a CBOR that is none': answer(200, CBOR, 'no CBOR'),
}

for (const [what, refusal] of Object.entries(refusals)) {
  t.test(`an endpoint that ${what} is read through the SDK from then on, and this is reported once`, async t => {
    const { getRecords, formats, notices } = await start(t, jsonOr(refusal))
    const replies = [...(await Promise.all([getRecords(), getRecords()])), await getRecords()]
    for (const reply of replies) t.match(reply, { nextIterator: 'next', millisBehindLatest: 5, records: [] })
    t.same(formats().toSorted(), ['cbor', 'cbor', 'json', 'json', 'json'])
    t.equal(notices.length, 1)
    t.match(notices[0], { name: 'CborRefusedError', code: 'CONSUMER_STREAM_REPLY' })
  })
}

t.test('an error with a name is reported with it, and CBOR stays in use', async t => {
  const expired = answer(400, CBOR, { __type: 'ExpiredIteratorException', message: 'too old' })
  const { getRecords, formats, notices } = await start(t, expired, inCbor)
  await t.rejects(getRecords(), { name: 'ExpiredIteratorException', message: 'too old', $fault: 'client' })
  await getRecords()
  t.same(formats(), ['cbor', 'cbor'])
  t.same(notices, [])
})

t.test('the error name is found in a header, and in JSON with its namespace', async t => {
  const type = 'ProvisionedThroughputExceededException'
  const { getRecords, formats } = await start(
    t,
    answer(400, 'text/plain', '', { 'x-amzn-errortype': `${type}:http://internal/` }),
    answer(400, JSON_1_1, { __type: `com.amazonaws.kinesis#${type}`, Message: 'slower' }),
  )
  await t.rejects(getRecords(), { name: type })
  await t.rejects(getRecords(), { name: type, message: 'slower' })
  t.same(formats(), ['cbor', 'cbor'])
})

t.test('an error without a name in CBOR is read through the SDK for this call', async t => {
  const { getRecords, formats, notices } = await start(
    t,
    answer(500, 'text/plain', ''),
    answer(400, JSON_1_1, { __type: 'ExpiredIteratorException' }),
    inCbor,
  )
  await t.rejects(getRecords(), { name: 'ExpiredIteratorException' })
  await getRecords()
  t.same(formats(), ['cbor', 'json', 'cbor'])
  t.same(notices, [])
})

t.test(
  'an endpoint that fails every call in CBOR and none through the SDK is read through the SDK from then on',
  async t => {
    const { getRecords, formats, notices } = await start(
      t,
      jsonOr(answer(500, 'text/html', '<h1>Internal Server Error</h1>')),
    )
    for (let calls = 0; calls < 5; calls++) t.match(await getRecords(), { nextIterator: 'next' })
    t.same(formats(), ['cbor', 'json', 'cbor', 'json', 'cbor', 'json', 'json', 'json'])
    t.equal(notices.length, 1)
    t.match(notices[0], { name: 'CborRefusedError', message: /failed 3 times with CBOR and never with JSON/ })
  },
)

t.test('an endpoint that has once answered in CBOR is always read in CBOR', async t => {
  let calls = 0
  const once = jsonOr((asked, response) => (calls++ === 0 ? inCbor : answer(502, 'text/html', 'bad'))(asked, response))
  const { getRecords, formats, notices } = await start(t, once)
  for (let n = 0; n < 5; n++) await getRecords()
  t.same(formats().filter(format => format === 'cbor').length, 5)
  t.same(notices, [])
})
