import { setImmediate as soon } from 'node:timers/promises'
import t from 'tap'
import { Gate } from '../../bench/source/gate.ts'
import { profileOf, quickSizes, sizes, streamOf } from '../../bench/source/profile.ts'
import { createReplies, iteratorOf, parseIterator } from '../../bench/source/replies.ts'
import { decodeRecordsReply } from '../../services/consumer/kinesis/cbor/records-reply.ts'

const profile = { size: 100, label: '100B', stream: '100B', recordsPerReply: 50, repliesPerRound: 1 }
const STREAM = 'headgate-100B'

interface JsonReply {
  Records: Array<{ Data: string; SequenceNumber: string; PartitionKey: string }>
  NextShardIterator: string
}

t.test('the source sends the same records in JSON and in CBOR', async t => {
  const reply = createReplies(STREAM, profile)
  const json: JsonReply = JSON.parse(reply('json', 7).toString())
  const { records, nextIterator } = decodeRecordsReply(reply('cbor', 7), 'shard').reply
  t.equal(records.length, 50)
  t.strictSame(
    records.map(({ data, sequenceNumber, partitionKey }) => [
      Buffer.from(data).toString('base64'),
      sequenceNumber,
      partitionKey,
    ]),
    json.Records.map(({ Data, SequenceNumber, PartitionKey }) => [Data, SequenceNumber, PartitionKey]),
  )
  t.equal(nextIterator, json.NextShardIterator)
  for (const { data } of records) if (data.length !== 100) t.fail(`a record has ${data.length} bytes`)
  t.type(JSON.parse(Buffer.from(records[0]?.data ?? []).toString()), 'object')
})

t.test('no record comes twice, and each reply has the iterator of the next one', async t => {
  const reply = createReplies(STREAM, profile)
  const sequenceNumbers = new Set<string>()
  let iterator = iteratorOf(STREAM, 100_000_000_000)
  for (let i = 0; i < 20; i++) {
    const { stream, number } = parseIterator(iterator)
    t.equal(stream, STREAM)
    const { records, nextIterator = '' } = decodeRecordsReply(reply('cbor', number), 'shard').reply
    for (const record of records) sequenceNumbers.add(record.sequenceNumber)
    iterator = nextIterator
  }
  t.equal(sequenceNumbers.size, 20 * 50)
  t.strictSame([...sequenceNumbers], [...sequenceNumbers].toSorted(), 'in their order')
})

t.test('the name of a stream tells the size and the number of its records', async t => {
  for (const profile of [...sizes, ...quickSizes]) t.equal(profileOf(streamOf('headgate', profile)), profile)
  t.equal(profileOf('headgate'), undefined)
})

t.test('a read waits until records are released, and gets no more than were released', async t => {
  const gate = new Gate()
  let passed = 0
  for (let i = 0; i < 5; i++) void gate.pass().then(through => through && passed++)
  await soon()
  t.equal(passed, 0)
  gate.release(3)
  await soon()
  t.equal(passed, 3)
  gate.release(2)
  await soon()
  t.equal(passed, 5)
})
