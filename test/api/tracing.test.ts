import t from 'tap'
import { parseTraceparent, traceIdOf } from '../../services/platform/tracing/traceparent.ts'
import { decodeEvent } from '../../services/uploads/events/decode-event.ts'
import { encodeEvent, isUploadEvent } from '../../services/uploads/events/event.ts'
import { eventOf } from '../../services/uploads/records/record.ts'
import { createUploadStore } from '../../services/uploads/records/store.ts'
import { startAws } from '../support/aws.ts'
import { readStream } from '../support/stream.ts'
import { uploadRecord } from '../uploads/examples.ts'
import { ask, buildTestApi, createTestUser } from './support.ts'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const GIVEN = `00-${TRACE}-00f067aa0ba902b7-00`

t.test('a traceparent is parsed by its version, and an invalid one is ignored', async t => {
  t.same(parseTraceparent(GIVEN), { traceId: TRACE, parentId: '00f067aa0ba902b7', flags: '00' })
  t.equal(traceIdOf(`01-${TRACE}-00f067aa0ba902b7-00-more`), TRACE, 'of a later version')
  const wrong = [
    '',
    'nonsense',
    `${GIVEN}-more`,
    GIVEN.toUpperCase(),
    `ff-${TRACE}-00f067aa0ba902b7-00`,
    `00-${'0'.repeat(32)}-00f067aa0ba902b7-00`,
    `00-${TRACE}-${'0'.repeat(16)}-00`,
    `00-${TRACE}-00f067aa0ba902b7`,
    `00-${TRACE}-00f067aa0ba902b7-0`,
    ` ${GIVEN}`,
  ]
  for (const value of wrong) t.equal(traceIdOf(value), undefined, value)
  t.equal(traceIdOf(undefined), undefined)
})

const aws = await startAws(t)

t.test('a trace goes from the request into the log, the record and the event', async t => {
  const api = await buildTestApi(t, aws)
  const user = await createTestUser(aws)
  const send = (headers: Record<string, string>) =>
    ask(`${api.url}/uploads?filename=a`, { method: 'POST', headers: { ...user.auth, ...headers }, body: 'x' })
  const given = await send({ traceparent: GIVEN, 'x-request-id': 'my-request' })
  const made = await send({ traceparent: 'nonsense' })

  const events = (await readStream(aws.kinesis, aws.env.STREAM_NAME ?? '')).map(({ Data = new Uint8Array() }) =>
    decodeEvent(Data),
  )
  const eventFor = ({ body }: typeof given) =>
    events.filter(isUploadEvent).find(event => event.uploadId === body.uploadId)
  t.match(eventFor(given), { requestId: 'my-request', traceparent: new RegExp(`^00-${TRACE}-[0-9a-f]{16}-00$`) })
  t.notMatch(eventFor(given)?.traceparent, /00f067aa0ba902b7/, 'as a span of its own')
  const madeId = traceIdOf(eventFor(made)?.traceparent)
  t.match(madeId, /^[0-9a-f]{32}$/)

  const lines = api.log.map(line => JSON.parse(line) as Record<string, unknown>)
  t.match(
    lines.filter(({ requestId }) => requestId === 'my-request'),
    [{ traceId: TRACE }],
  )
  t.ok(lines.some(({ traceId, msg }) => traceId === madeId && msg === 'request'))

  const store = createUploadStore({ dynamodb: aws.dynamodb, table: aws.env.UPLOADS_TABLE ?? '' })
  const record = await store.get({ owner: user.sub, uploadId: String(given.body.uploadId) })
  t.not(record?.status, 'pending')
  const published = record && record.status !== 'pending' ? eventOf(record) : undefined
  t.equal(published?.traceparent, eventFor(given)?.traceparent, 'the relay would publish the same')
  const shown = await ask(`${api.url}${given.headers.get('location')}`, { headers: user.auth })
  t.notOk('traceparent' in shown.body)
})

t.test('events with and without a trace are valid for old and new workers', async t => {
  const bare = eventOf(uploadRecord())
  t.notOk('traceparent' in bare)
  t.same(decodeEvent(encodeEvent(bare)), bare)
  const later = Buffer.from(JSON.stringify({ ...bare, traceparent: GIVEN, fieldOfTomorrow: { a: 1 } }))
  t.match(decodeEvent(later), { uploadId: bare.uploadId, traceparent: GIVEN })
})
