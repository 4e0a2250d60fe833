import t from 'tap'
import { names } from '../../../services/platform/resources.ts'
import { deadLetterKey } from '../../../services/worker/dead-letters/dead-letter.ts'
import { createDeadLetters } from '../../../services/worker/dead-letters/writer.ts'
import { startPipeline, streamRecord } from '../pipeline.ts'

const { aws, read, keys } = await startPipeline(t)
const failure = { code: 'HEADGATE_INVALID_EVENT', reason: 'The event is not JSON.' }

t.test('a dead letter has everything that a redrive needs, and writing it twice stores it once', async t => {
  const now = () => new Date('2026-11-23T10:00:00Z')
  const deadLetters = createDeadLetters({ s3: aws.s3, bucket: names.processedBucket, stream: 'a-stream', now })
  const record = { ...streamRecord(''), data: Uint8Array.of(0, 255, 10) }
  const key = await deadLetters.write(record, failure)
  t.equal(key, `dead-letters/a-stream/${record.shardId}/${record.sequenceNumber}.json`)
  t.equal(await deadLetters.write(record, failure), key)
  t.strictSame(await keys(), [key])
  const { text, contentType } = await read(key)
  t.equal(contentType, 'application/json')
  t.strictSame(JSON.parse(text), {
    version: 1,
    stream: 'a-stream',
    shardId: record.shardId,
    sequenceNumber: record.sequenceNumber,
    partitionKey: 'key-1',
    data: 'AP8K',
    error: failure,
    failedAt: '2026-11-23T10:00:00.000Z',
  })
})

t.test('a dead letter has the upload and the causes of the error, if they are known', async t => {
  const deadLetters = createDeadLetters({ s3: aws.s3, bucket: names.processedBucket, stream: 'a-stream' })
  const error = new Error('refused', { cause: new TypeError('bad header', { cause: 'odd' }) })
  const upload = { owner: 'owner-1', uploadId: 'upload-1' }
  const { text } = await read(await deadLetters.write(streamRecord('x'), failure, { upload, error }))
  t.match(JSON.parse(text), { upload, error: { ...failure, causes: ['TypeError: bad header', 'odd'] } })
  const silent = new Error('refused', { cause: new TypeError() })
  const { text: second } = await read(await deadLetters.write(streamRecord('x'), failure, { error: silent }))
  t.match(JSON.parse(second), { error: { causes: ['TypeError'] } }, 'no colon without a message')
})

t.test('records of one aggregate have separate dead letters', async t => {
  const at = { shardId: 'shardId-000000000000', sequenceNumber: '7' }
  t.equal(deadLetterKey('s', { ...at, subSequenceNumber: 0 }), 'dead-letters/s/shardId-000000000000/7.json')
  t.equal(deadLetterKey('s', { ...at, subSequenceNumber: 3 }), 'dead-letters/s/shardId-000000000000/7-3.json')
})
