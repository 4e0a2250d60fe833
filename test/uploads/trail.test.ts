import { unmarshall } from '@aws-sdk/util-dynamodb'
import t from 'tap'
import { decodeTrail, encodeTrail, type Trail } from '../../services/uploads/records/trail.ts'

const trail: Trail = {
  // The id that the consumer generates on Fargate.
  workerId: 'ip-10-0-12-34.ec2.internal:7:0199c2d8-1b2c-4aaa-8bbb-0123456789ab',
  shardId: 'shardId-000000000012',
  sequenceNumber: '49656789012345678901234567890123456789012345678901234567',
  attempt: 1,
  arrivedAt: 1_796_000_000_000,
  startedAt: 1_796_000_000_250,
  openedAt: 1_796_000_000_260,
  writtenAt: 1_796_000_000_300,
}

const decoded = (of: Trail) => decodeTrail(unmarshall({ trail: encodeTrail(of) }).trail)

t.test('a trail is the same after it was stored', async t => {
  t.strictSame(decoded(trail), trail)
  t.strictSame(
    decoded({ ...trail, error: 'S3 is down' }),
    { ...trail, error: 'S3 is down' },
    'an attempt that is retried',
  )
  t.equal(decoded({ ...trail, error: 'x'.repeat(10_000) })?.error?.length, 500)
  const early = { ...trail, arrivedAt: undefined, openedAt: undefined, writtenAt: undefined }
  t.strictSame(decoded(early), early, 'an attempt that failed before the transform')
  for (const sequenceNumber of ['0', '9', '255', '4096', 'another service']) {
    t.equal(decoded({ ...trail, sequenceNumber })?.sequenceNumber, sequenceNumber)
  }
})

t.test('a trail that is missing, or has the format of another version, is not shown', async t => {
  const { trail: attribute } = unmarshall({ trail: encodeTrail(trail) })
  for (const invalid of [
    undefined,
    null,
    'text',
    {},
    { ...attribute, t: 1 },
    { ...attribute, t: [] },
    { ...attribute, q: 7 },
  ]) {
    t.equal(decodeTrail(invalid), undefined)
  }
})

t.test(
  'a trail adds so little that the record of a text stays below 1 KiB, which one unit of DynamoDB can write',
  async t => {
    // https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
    const number = (digits: string) => Math.ceil(digits.replace('-', '').length / 2) + 1
    const { w, s, q, n, t: times } = encodeTrail(trail).M ?? {}
    const values = [w?.S?.length, s?.S?.length, q?.S?.length, number(n?.N ?? ''), 3]
    const sizes = [...values, ...(times?.L ?? []).map(({ N = '' }) => number(N) + 1)]
    const bytes = sizes.reduce<number>((sum, size) => sum + (size ?? 0), 'trail'.length + 3 + 5 * 2)
    t.comment(`${bytes} bytes`)
    t.ok(bytes < 170, `${bytes} bytes`)
  },
)
