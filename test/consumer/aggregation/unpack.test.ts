import { createHash } from 'node:crypto'
import t from 'tap'
import { createRangeCheck } from '../../../services/consumer/aggregation/range-check.ts'
import { unpack } from '../../../services/consumer/aggregation/unpack.ts'
import type { ConsumerRecord } from '../../../services/consumer/index.ts'
import { aggregate } from '../../support/aggregate.ts'

const SHARD = 'shardId-000000000000'
const arrivedAt = new Date(1_700_000_000_000)

const kinesisRecord = (sequenceNumber: string, data: Uint8Array): ConsumerRecord => ({
  ...{ data, sequenceNumber, arrivedAt, partitionKey: 'outer', subSequenceNumber: 0, shardId: SHARD },
})
const numbered = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ key: `key-${i}`, data: Buffer.from(`data-${i}`) }))

const MIDDLE = 2n ** 127n
const lowerHalf = { startingHashKey: '0', endingHashKey: String(MIDDLE - 1n) }
const hashOf = (key: string) => BigInt(`0x${createHash('md5').update(key).digest('hex')}`)

t.test(
  'a record inside an aggregate has its own key and index, and the sequence number and time of the aggregate',
  async t => {
    const hashKey = String(MIDDLE)
    const packed = aggregate([
      { key: 'a', data: Buffer.from('1') },
      { key: 'b', data: Buffer.from('2'), hashKey },
    ])
    const records = [kinesisRecord('10', Buffer.from('plain')), kinesisRecord('11', packed)]
    const [portion, ...rest] = unpack(records, { isInside: () => true, onOutside: () => undefined })
    t.same(
      portion?.map(({ data, ...record }) => ({ ...record, text: Buffer.from(data).toString() })),
      [
        { text: 'plain', partitionKey: 'outer', sequenceNumber: '10', subSequenceNumber: 0, shardId: SHARD, arrivedAt },
        { text: '1', partitionKey: 'a', sequenceNumber: '11', subSequenceNumber: 0, shardId: SHARD, arrivedAt },
        {
          text: '2',
          partitionKey: 'b',
          sequenceNumber: '11',
          subSequenceNumber: 1,
          shardId: SHARD,
          arrivedAt,
          explicitHashKey: hashKey,
        },
      ],
    )
    t.same(rest, [])
  },
)

t.test('an aggregate without a partition key reports no records of another shard', async t => {
  const outside: unknown[] = []
  const settings = { isInside: () => false, onOutside: (emitted: unknown) => outside.push(emitted) }
  const record = { ...kinesisRecord('5', aggregate(numbered(3))), partitionKey: undefined }
  t.same(
    [...unpack([record], settings)].flat().map(({ partitionKey }) => partitionKey),
    ['key-0', 'key-1', 'key-2'],
  )
  t.same(outside, [])
})

t.test('records of another shard in an aggregate are kept and reported once', async t => {
  const records = numbered(64)
  const outside: unknown[] = []
  const settings = { isInside: createRangeCheck(lowerHalf), onOutside: (emitted: unknown) => outside.push(emitted) }
  const unpacked = [...unpack([kinesisRecord('5', aggregate(records))], settings)].flat()
  t.same(
    unpacked.map(record => record.partitionKey),
    records.map(record => record.key),
  )
  const expected = records.filter(({ key }) => hashOf(key) >= MIDDLE).length
  t.ok(expected > 0 && expected < records.length)
  t.same(outside, [{ sequenceNumber: '5', records: expected }])
})

t.test(
  'an explicit hash key takes precedence over the partition key, and an invalid one is outside the range',
  async t => {
    const isInside = createRangeCheck(lowerHalf)
    const keys = numbered(40).map(({ key }) => key)
    const lower = keys.find(key => hashOf(key) < MIDDLE) ?? ''
    const upper = keys.find(key => hashOf(key) >= MIDDLE) ?? ''
    for (const [partitionKey, explicitHashKey, inside] of [
      [lower, undefined, true],
      [upper, undefined, false],
      [upper, '0', true],
      [upper, String(MIDDLE - 1n), true],
      [lower, String(MIDDLE), false],
      [lower, 'none', false],
      [lower, '9'.repeat(50), false],
    ] as const) {
      t.equal(isInside({ partitionKey, explicitHashKey }), inside, `${partitionKey} ${explicitHashKey}`)
    }
  },
)

t.test('a large aggregate is unpacked in portions, one after another', async t => {
  const packed = kinesisRecord('1', aggregate(numbered(2_500)))
  const portions = unpack([packed], { isInside: () => true, onOutside: () => undefined })
  t.same(
    [...portions].map(portion => portion.length),
    [1_000, 1_000, 500],
  )
})

t.test('records without an aggregate are passed on unchanged', async t => {
  const records = [kinesisRecord('1', Buffer.from('a')), kinesisRecord('2', Buffer.alloc(0))]
  const [portion] = unpack(records, { isInside: () => false, onOutside: () => t.fail('told of a plain record') })
  t.equal(portion, records)
})
