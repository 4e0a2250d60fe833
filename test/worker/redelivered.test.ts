import t from 'tap'
import { createRedelivered } from '../../services/worker/lambda/redelivered.ts'

const records = (...numbers: string[]) =>
  numbers.map(sequenceNumber => ({ data: Buffer.alloc(0), partitionKey: 'a', sequenceNumber, shardId: 's' }))
const numbers = (left: ReturnType<typeof records>) => left.map(({ sequenceNumber }) => sequenceNumber).join(' ')

t.test('a retried batch skips the records that are done, once', async t => {
  const redelivered = createRedelivered()
  t.equal(numbers(redelivered.left('s', records('1', '2', '3', '4'))), '1 2 3 4')
  redelivered.expect('s', '2', records('1', '3'))
  t.equal(numbers(redelivered.left('s', records('2', '3', '4', '5'))), '2 4 5')
  t.equal(numbers(redelivered.left('s', records('2', '3', '4', '5'))), '2 3 4 5')
})

t.test('a batch of another shard or with another start is processed as a whole', async t => {
  const redelivered = createRedelivered()
  redelivered.expect('s', '2', records('3'))
  t.equal(numbers(redelivered.left('other', records('2', '3'))), '2 3')
  t.equal(numbers(redelivered.left('s', records('1', '2', '3'))), '1 2 3', 'the stream is replayed')
  t.equal(numbers(redelivered.left('s', records('2', '3'))), '2 3', 'the expected batch is forgotten')
})

t.test('records of one aggregate are distinguished', async t => {
  const redelivered = createRedelivered()
  const [plain] = records('2')
  const parts = [0, 1, 2].map(subSequenceNumber => ({
    ...plain,
    data: Buffer.alloc(0),
    partitionKey: 'a',
    sequenceNumber: '2',
    shardId: 's',
    subSequenceNumber,
  }))
  redelivered.expect('s', '2', parts.slice(1, 2))
  t.strictSame(
    redelivered.left('s', parts).map(part => part.subSequenceNumber),
    [0, 2],
  )
})
