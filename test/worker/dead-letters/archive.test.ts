import { PutObjectCommand } from '@aws-sdk/client-s3'
import t from 'tap'
import { names } from '../../../services/platform/resources.ts'
import { createDeadLetterArchive, isMeant } from '../../../services/worker/dead-letters/archive.ts'
import { deadLetterId, deadLetterKeyOf, decodeDeadLetter } from '../../../services/worker/dead-letters/dead-letter.ts'
import { createDeadLetters } from '../../../services/worker/dead-letters/writer.ts'
import { startAws } from '../../support/aws.ts'
import { streamRecord } from '../pipeline.ts'

const failure = { code: 'HEADGATE_INVALID_EVENT', reason: 'The event is not JSON.' }
const letter = {
  version: 1 as const,
  stream: 'a-stream',
  shardId: 'shardId-1',
  sequenceNumber: '7',
  partitionKey: 'k',
  data: '',
  error: failure,
  failedAt: '2026-11-25T10:00:00.000Z',
  upload: { owner: 'ann', uploadId: 'u-1' },
}

t.test('a query matches the dead letters that meet all its conditions', async t => {
  const at = (time: string) => new Date(time)
  for (const query of [
    {},
    { since: at(letter.failedAt), until: at('2026-11-25T10:00:00.001Z') },
    { reason: 'HEADGATE_INVALID_EVENT', uploadId: 'u-1', owner: 'ann', redriven: false },
  ]) {
    t.ok(isMeant(letter, query), JSON.stringify(query))
  }
  for (const query of [
    { since: at('2026-11-25T10:00:00.001Z') },
    { until: at(letter.failedAt) },
    { reason: 'HEADGATE_OBJECT_MISSING' },
    { uploadId: 'u-2' },
    { uploadId: 'u-1', owner: 'bob' },
    { redriven: true },
  ]) {
    t.notOk(isMeant(letter, query), JSON.stringify(query))
  }
  const redriven = { ...letter, redriven: { at: '', shardId: '', sequenceNumber: '' } }
  t.ok(isMeant(redriven, { redriven: true }))
  t.notOk(isMeant(redriven, { redriven: false }))
  t.ok(isMeant(undefined, { redriven: false }), 'an unreadable dead letter is listed for the operator')
  t.notOk(isMeant(undefined, { reason: failure.code }))
})

t.test('a dead letter is found by its id or its key, and not by a key of another stream', async t => {
  const key = 'dead-letters/a-stream/shardId-1/7-3.json'
  t.equal(deadLetterId('a-stream', key), 'shardId-1/7-3')
  t.equal(deadLetterKeyOf('a-stream', 'shardId-1/7-3'), key)
  t.equal(deadLetterKeyOf('a-stream', key), key)
  for (const wrong of ['7', 'dead-letters/b-stream/shardId-1/7.json', 'processed/x/7.json', 'shardId-1/../7', '../7']) {
    t.equal(deadLetterKeyOf('a-stream', wrong), undefined, wrong)
  }
})

t.test('text that is not a dead letter of a known version is not decoded', async t => {
  t.strictSame(decodeDeadLetter(JSON.stringify(letter)), letter)
  for (const text of ['', 'junk', '{}', JSON.stringify({ ...letter, version: 2 })])
    t.equal(decodeDeadLetter(text), undefined)
})

t.test('the archive lists the dead letters of its stream or of one shard, including unreadable ones', async t => {
  const { s3 } = await startAws(t, { shards: 1 })
  const bucket = names.processedBucket
  const archive = createDeadLetterArchive({ s3, bucket, stream: 'a-stream' })
  const [one, two, other] = [streamRecord('one'), streamRecord('two'), streamRecord('three')]
  await createDeadLetters({ s3, bucket, stream: 'a-stream' }).write(one, failure)
  await createDeadLetters({ s3, bucket, stream: 'a-stream' }).write({ ...two, shardId: 'shardId-7' }, failure)
  await createDeadLetters({ s3, bucket, stream: 'a-stream-2' }).write(other, failure)
  await s3.send(new PutObjectCommand({ Bucket: bucket, Key: 'dead-letters/a-stream/shardId-7/9.json', Body: 'junk' }))

  const ids = async (query: Parameters<typeof archive.list>[0]) => {
    const found: string[] = []
    for await (const { id, letter } of archive.list(query)) found.push(letter ? id : `${id} unreadable`)
    return found
  }
  const [first, second] = [`${one.shardId}/${one.sequenceNumber}`, `shardId-7/${two.sequenceNumber}`]
  t.strictSame(await ids({}), [first, second, 'shardId-7/9 unreadable'])
  t.strictSame(await ids({ shardId: 'shardId-7' }), [second, 'shardId-7/9 unreadable'])
  t.strictSame(await ids({ since: new Date(Date.now() - 60_000) }), [first, second])
  t.strictSame(await ids({ since: new Date(Date.now() + 2 * 3_600_000) }), [])

  const key = deadLetterKeyOf('a-stream', first) ?? ''
  await archive.remove(key)
  await archive.remove(key)
  t.equal(await archive.get(key), undefined)
})
