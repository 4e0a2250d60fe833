import t from 'tap'
import { type Aggregate, readAggregate, type SubRecord } from '../../../services/consumer/aggregation/aggregate.ts'
import {
  aggregate,
  aggregateMessage,
  bytesField,
  numberField,
  seal,
  seeded,
  type UserRecord,
} from '../../support/aggregate.ts'

const all = ({ count, at }: Aggregate): SubRecord[] => Array.from({ length: count }, (_, i) => at(i))
const subRecord = ({ key, data, hashKey }: UserRecord) => ({
  data: Buffer.from(data),
  partitionKey: key,
  explicitHashKey: hashKey,
})
const read = (bytes: Uint8Array) => {
  const found = readAggregate(bytes)
  return found && all(found).map(record => ({ ...record, data: Buffer.from(record.data) }))
}

function randomRecords(random: () => number): UserRecord[] {
  const upTo = (max: number) => Math.floor(random() * (max + 1))
  const bytes = (length: number) => Uint8Array.from({ length }, () => upTo(255))
  const keys = Array.from({ length: 1 + upTo(8) }, () => `${'ключ key'.slice(upTo(6))}${upTo(1e6)}🔑`)
  return Array.from({ length: 1 + upTo(60) }, () => ({
    key: keys[upTo(keys.length - 1)] ?? '',
    data: bytes(random() < 0.05 ? 20_000 : upTo(200)),
    ...(random() < 0.3 ? { hashKey: String(BigInt(upTo(1e9)) ** 3n) } : {}),
    ...(random() < 0.2 ? { tags: [['name', 'value']] as const } : {}),
  }))
}

t.test('reading an aggregate returns the records that were written into it', async t => {
  for (let seed = 1; seed <= 100; seed++) {
    const records = randomRecords(seeded(seed))
    t.same(read(aggregate(records)), records.map(subRecord), `seed ${seed}`)
  }
})

t.test('the data of user records are views, also if the aggregate is part of a larger buffer', async t => {
  const packed = aggregate([{ key: 'a', data: Buffer.from('data') }])
  const around = Buffer.concat([Buffer.from('before'), packed, Buffer.from('behind')])
  const inside = around.subarray(6, 6 + packed.byteLength)
  const record = readAggregate(inside)?.at(0)
  t.equal(Buffer.from(record?.data ?? []).toString(), 'data')
  t.equal(record?.data.buffer, around.buffer)
})

t.test('an aggregate that is cut short or has one bit changed anywhere is a plain record', async t => {
  const random = seeded(7)
  const whole = aggregate(randomRecords(random).slice(0, 12))
  for (let length = 0; length < whole.byteLength; length++) {
    if (read(whole.subarray(0, length))) t.fail(`cut to ${length} bytes`)
  }
  for (let i = 0; i < whole.byteLength; i++) {
    const changed = Buffer.from(whole)
    changed[i] = (changed[i] ?? 0) ^ (1 << Math.floor(random() * 8))
    if (read(changed)) t.fail(`changed at byte ${i}`)
  }
  t.ok(read(whole), 'and is none while it is whole')
})

t.test('a damaged protobuf with a correct digest never throws', async t => {
  const random = seeded(11)
  const message = aggregateMessage(randomRecords(random).slice(0, 12))
  for (let length = 0; length < message.byteLength; length++) read(seal(message.subarray(0, length)))
  let plain = 0
  for (let i = 0; i < 20_000; i++) {
    const changed = Buffer.from(message)
    for (let n = 1 + Math.floor(random() * 3); n > 0; n--) {
      changed[Math.floor(random() * changed.byteLength)] = Math.floor(random() * 256)
    }
    if (!read(seal(changed))) plain++
  }
  t.ok(plain > 0)
})

const record = (...fields: Buffer[]) => bytesField(3, Buffer.concat(fields))
const key = bytesField(1, Buffer.from('key'))
const data = bytesField(3, Buffer.from('data'))

const malformed: Array<[string, Buffer[]]> = [
  ['no record', [key]],
  ['nothing at all', []],
  ['a record without data', [key, record(numberField(1, 0))]],
  ['a record without a key', [key, record(data)]],
  ['a key that is not in the table', [key, record(numberField(1, 1), data)]],
  ['a key index of 63 bits', [key, record(numberField(1, 2 ** 62), data)]],
  ['a hash key that is not in the table', [key, record(numberField(1, 0), numberField(2, 0), data)]],
  ['a field that claims more bytes than there are', [key, Buffer.from([0x1a, 0xff, 0xff, 0xff, 0xff, 0x0f])]],
  ['a number that never ends', [key, Buffer.alloc(12, 0xff)]],
  ['a group', [key, record(numberField(1, 0), data), Buffer.from([0x2b, 0x2c])]],
  ['a field without a number', [key, record(numberField(1, 0), data), Buffer.from([0x02, 0x00])]],
]
for (const [name, parts] of malformed) {
  t.test(`an aggregate with ${name} is a plain record`, async t => {
    t.equal(readAggregate(seal(Buffer.concat(parts))), undefined)
  })
}

t.test('tables after the records, unknown fields and empty data are read according to protobuf', async t => {
  const unknown = Buffer.concat([
    numberField(9, 300),
    bytesField(10, Buffer.from('x')),
    Buffer.from([0x5d, 1, 2, 3, 4]),
  ])
  const message = Buffer.concat([
    unknown,
    record(unknown, bytesField(3, Buffer.alloc(0)), numberField(1, 0), Buffer.from([0x61, 1, 2, 3, 4, 5, 6, 7, 8])),
    key,
  ])
  t.same(read(seal(message)), [{ data: Buffer.alloc(0), partitionKey: 'key', explicitHashKey: undefined }])
})

t.test('a million empty records in one aggregate are created one at a time', async t => {
  const one = record(numberField(1, 0), bytesField(3, Buffer.alloc(0)))
  const many = readAggregate(seal(Buffer.concat([key, Buffer.alloc(one.byteLength * 1_000_000, one)])))
  t.equal(many?.count, 1_000_000)
  t.equal(many?.at(999_999).partitionKey, 'key')
  t.throws(() => many?.at(1_000_000), RangeError)
})
