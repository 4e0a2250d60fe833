import t from 'tap'
import { recordRow, recordText } from '../../../services/cli/commands/stream/record-output.ts'

t.test('a record without a partition key is printed with a dash, and in JSON with null', async t => {
  const record = {
    data: Buffer.from('hello'),
    partitionKey: undefined,
    sequenceNumber: '1',
    subSequenceNumber: 0,
    shardId: 'shardId-000000000000',
    arrivedAt: new Date('2026-11-30T00:00:00Z'),
  }
  t.equal(recordText(record, { hex: false }), '2026-11-30T00:00:00.000Z  shardId-000000000000  -  hello')
  t.match(recordRow(record, { hex: false }), { partitionKey: null, encoding: 'text', data: 'hello' })
})
