import { cbor } from '@smithy/core/cbor'
import t from 'tap'
import { decodeRecordsReply } from '../../../services/consumer/kinesis/cbor/records-reply.ts'

const SHARD = 'shardId-000000000007'
const hex = (...parts: string[]) => Buffer.from(parts.join('').replaceAll(' ', ''), 'hex')
const textHex = (text: string) => (0x60 + text.length).toString(16) + Buffer.from(text).toString('hex')
const decode = (bytes: Buffer) => decodeRecordsReply(bytes, SHARD).reply
/** Uses the encoder of the SDK, which is independent of this code. */
const encode = (value: unknown) => Buffer.from(cbor.serialize(value))

const ARRIVED = 1_700_000_000_123
const record = (i: number, data: Uint8Array = Buffer.from(`data ${i}`)) => ({
  SequenceNumber: `4968048397066032230702339183261910591092784676120979${1_000 + i}`,
  ApproximateArrivalTimestamp: ARRIVED,
  Data: data,
  PartitionKey: `Schlüssel ${i}`,
  EncryptionType: null,
})

const reply = (records: unknown[]) => ({
  Records: records,
  NextShardIterator: 'A'.repeat(300),
  MillisBehindLatest: 5_000_000_000,
})

t.test('a reply contains its records, iterator and lag', async t => {
  const value = reply([record(0), record(1, Buffer.alloc(70_000, 'x')), record(2, new Uint8Array())])
  const { records, nextIterator, millisBehindLatest, childShards } = decode(encode(value))
  t.equal(nextIterator, value.NextShardIterator)
  t.equal(millisBehindLatest, 5_000_000_000)
  t.same(childShards, [])
  t.equal(records.length, 3)
  t.strictSame(records[0], {
    data: Buffer.from('data 0'),
    partitionKey: 'Schlüssel 0',
    sequenceNumber: record(0).SequenceNumber,
    subSequenceNumber: 0,
    shardId: SHARD,
    arrivedAt: new Date(ARRIVED),
  })
  t.equal(records[1]?.data.length, 70_000)
  t.equal(records[2]?.data.length, 0)
})

t.test('the last reply of a shard has no iterator, and names its children', async t => {
  const child = (ShardId: string) => ({
    ShardId,
    ParentShards: [SHARD, 'other'],
    HashKeyRange: { StartingHashKey: '0', EndingHashKey: '170141183460469231731687303715884105727' },
  })
  const value = { Records: [], NextShardIterator: null, MillisBehindLatest: 0, ChildShards: [child('a'), child('b')] }
  const { records, nextIterator, childShards } = decode(encode(value))
  t.equal(records.length, 0)
  t.equal(nextIterator, undefined)
  t.strictSame(
    childShards,
    ['a', 'b'].map(shardId => ({
      shardId,
      parentShardIds: [SHARD, 'other'],
      startingHashKey: '0',
      endingHashKey: '170141183460469231731687303715884105727',
      startingSequenceNumber: undefined,
    })),
  )
})

t.test('maps, arrays and strings of indefinite length are read, because Jackson writes them', async t => {
  const bytes = hex(
    ...['bf', textHex('Records'), '9f', 'bf'],
    ...[`7f ${textHex('Seq')} ${textHex('uenceNumber')} ff`, `7f ${textHex('12')} ${textHex('34')} ff`],
    ...[textHex('Data'), '5f 42 0102 41 03 40 ff'],
    ...[textHex('PartitionKey'), `7f ${textHex('ke')} ${textHex('y')} ff`],
    ...['78 1b', Buffer.from('ApproximateArrivalTimestamp').toString('hex'), 'c1 1b 0000018bcfe5687b'],
    ...['ff ff', textHex('MillisBehindLatest'), '07 ff'],
  )
  t.strictSame(decode(bytes), {
    records: [
      {
        data: Buffer.of(1, 2, 3),
        partitionKey: 'key',
        sequenceNumber: '1234',
        subSequenceNumber: 0,
        shardId: SHARD,
        arrivedAt: new Date(ARRIVED),
      },
    ],
    nextIterator: undefined,
    millisBehindLatest: 7,
    childShards: [],
  })
})

t.test('times are read as milliseconds or seconds, as integers or floats, tagged or not', async t => {
  const at = (value: string) => {
    const name = `78 1b ${Buffer.from('ApproximateArrivalTimestamp').toString('hex')}`
    const bytes = hex('a1', textHex('Records'), '81 a2', textHex('SequenceNumber'), textHex('1'), name, value)
    return decode(bytes).records[0]?.arrivedAt.getTime()
  }
  t.equal(at('1b 0000018bcfe5687b'), ARRIVED, 'milliseconds')
  t.equal(at('c1 1b 0000018bcfe5687b'), ARRIVED, 'milliseconds below a tag')
  t.equal(at('c1 1a 6553f100'), 1_700_000_000_000, 'seconds')
  t.equal(at('c1 fb 41d954fc4007df3b'), ARRIVED, 'seconds with a fraction')
  t.equal(at('fa 3f800000'), 1_000, 'a float of 4 bytes')
  t.equal(at('f9 3e00'), 1_500, 'a float of 2 bytes')
  t.equal(at('f9 0001'), 0, 'a small one of those')
  t.equal(at('20'), -1_000, 'before 1970')
})

t.test('unknown values of any type are skipped', async t => {
  const odd = {
    text: 'text',
    bytes: Buffer.alloc(300),
    deep: [[{ a: [1, -1, 1.5, true, null, { b: 'c' }] }]],
    big: 2n ** 63n,
  }
  const value = { ...odd, ...reply([{ ...odd, ...record(0), ...{ more: odd } }]), more: odd }
  t.equal(decode(encode(value)).records[0]?.sequenceNumber, record(0).SequenceNumber)
  const indefinite = hex('bf 5f 4101 ff 7f 6161 ff 01 9f bf 02 03 ff f8 20 ff ff')
  t.same(decode(indefinite).records, [], 'also keys that are no text')
})

t.test('base64 data, which emulators send, is read as bytes', async t => {
  const value = reply([{ ...record(0), Data: Buffer.from('hello').toString('base64') }])
  t.strictSame(decode(encode(value)).records[0]?.data, Buffer.from('hello'))
})

t.test('small data does not keep the reply in memory, and large data is not copied', async t => {
  const both = encode(reply([record(0, Buffer.alloc(1_000)), record(1, Buffer.alloc(100_000))]))
  const [small, great] = decode(both).records
  t.not(small?.data.buffer, both.buffer)
  t.equal(great?.data.buffer, both.buffer)
  t.equal(decodeRecordsReply(both, SHARD).sharesBytes, true)
  const alike = encode(reply(Array.from({ length: 9 }, (_, i) => record(i))))
  t.equal(decodeRecordsReply(alike, SHARD).sharesBytes, false)
})

t.test('a record without a sequence number is rejected', async t => {
  const { SequenceNumber: _, ...nameless } = record(0)
  t.throws(() => decode(encode(reply([nameless]))), { name: 'StreamReplyError', message: /no sequence number/ })
})

t.test('an invalid reply is rejected', async t => {
  const malformed = {
    nothing: '',
    'an array': '80',
    'a text': '61 61',
    'a break': 'ff',
    'records that are no array': `a1 ${textHex('Records')} a0`,
    'a record that is no map': `a1 ${textHex('Records')} 81 80`,
    'data that is a number': `a1 ${textHex('Records')} 81 a1 ${textHex('Data')} 01`,
    'a lag that is a text': `a1 ${textHex('MillisBehindLatest')} 61 61`,
    'a length that is reserved': `a1 ${textHex('x')} 5c`,
    'a reserved simple value': `a1 ${textHex('x')} fc`,
    'a map that is too long': 'bb ffffffffffffffff',
    'an array that is too long': `a1 ${textHex('Records')} 9b 7fffffffffffffff`,
    'a text that is too long': `a1 ${textHex('NextShardIterator')} 7b ffffffffffffffff`,
    'chunks of the wrong kind': `a1 ${textHex('NextShardIterator')} 7f 4161 ff`,
    'chunks within chunks': `a1 ${textHex('NextShardIterator')} 7f 7f ff ff`,
    'a map that ends behind a key': `bf ${textHex('x')} ff`,
    'more behind its end': 'a0 00',
    'values that are too deep': `a1 ${textHex('x')} ${'81'.repeat(1_000)} 00`,
    'tags that are too many': `a1 ${textHex('x')} ${'c1'.repeat(1_000)} 00`,
  }
  for (const [name, bytes] of Object.entries(malformed)) {
    t.throws(() => decode(hex(bytes)), { name: 'StreamReplyError', code: 'CONSUMER_STREAM_REPLY' }, name)
  }
})

const sample = () =>
  encode({ ...reply([record(0), record(1)]), ChildShards: [{ ShardId: 'a', ParentShards: ['b'], HashKeyRange: {} }] })

t.test('a reply that is cut off anywhere is rejected', async t => {
  const whole = sample()
  for (let length = 0; length < whole.length; length++) {
    t.throws(() => decode(whole.subarray(0, length)), { name: 'StreamReplyError' }, { quiet: true })
  }
})

/** The same numbers each time, so that a failure can be repeated. */
function randomBytes(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state >>> 24
  }
}

t.test('any bytes quickly give a reply or a StreamReplyError', async t => {
  const next = randomBytes(4_711)
  const outcomes = { replies: 0, refusals: 0 }
  const attempt = (bytes: Buffer) => {
    try {
      decode(bytes)
      outcomes.replies++
    } catch (error) {
      if ((error as Error).name !== 'StreamReplyError') t.fail(bytes.toString('hex'), { error })
      outcomes.refusals++
    }
  }
  for (let i = 0; i < 20_000; i++) attempt(Buffer.from(Array.from({ length: next() % 64 }, next)))
  const whole = sample()
  for (let i = 0; i < 20_000; i++) {
    const bytes = Buffer.from(whole)
    for (let changes = 1 + (next() % 4); changes > 0; changes--) bytes[(next() * 256 + next()) % bytes.length] = next()
    attempt(bytes)
  }
  t.ok(outcomes.replies > 1_000 && outcomes.refusals > 1_000, `both come: ${JSON.stringify(outcomes)}`)
})
