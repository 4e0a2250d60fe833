import t from 'tap'
import { retryThrottled } from '../../../services/consumer/admin/admin.ts'
import { firstRecord } from '../../../services/consumer/admin/first-record.ts'
import { awsError, fakeStream, page, record } from './fake-stream.ts'

const FROM = { type: 'TRIM_HORIZON' } as const

t.test('firstRecord reads past empty replies and returns a record, none or unknown', async t => {
  const found = fakeStream([page([], 5_000), page([record('7', 70)], 0)])
  t.strictSame(await firstRecord('s', FROM, found), { sequenceNumber: '7', arrivedAt: new Date(70_000) })
  t.equal(await firstRecord('s', FROM, fakeStream([page([], 5_000), page([], 0)])), 'none')
  t.equal(await firstRecord('s', FROM, fakeStream([{ ...page([], 1), nextIterator: undefined }])), 'none')
  const endless = fakeStream([page([], 5_000)])
  t.equal(await firstRecord('s', FROM, endless), 'unknown')
  t.ok(endless.slept() <= 10_000)
})

t.test('only throttled calls are retried, for some seconds', async t => {
  const throttled = awsError('ProvisionedThroughputExceededException')
  const soon = fakeStream([throttled, throttled, page([record('7', 70)], 0)])
  t.match(await retryThrottled(soon.stream, soon.clock).getRecords('s', 'i', 1), { records: [{ sequenceNumber: '7' }] })
  t.equal(soon.slept(), 1_000)
  const always = fakeStream([throttled])
  await t.rejects(retryThrottled(always.stream, always.clock).getRecords('s', 'i', 1), { name: throttled.name })
  const other = fakeStream([awsError('AccessDeniedException')])
  await t.rejects(retryThrottled(other.stream, other.clock).getRecords('s', 'i', 1), { name: 'AccessDeniedException' })
  t.equal(other.slept(), 0)
})
