import { PutObjectCommand } from '@aws-sdk/client-s3'
import sharp from 'sharp'
import t from 'tap'
import { names } from '../../services/platform/resources.ts'
import { encodeEvent } from '../../services/uploads/events/event.ts'
import { eventOf } from '../../services/uploads/records/record.ts'
import { going, startPipeline, streamRecord } from './pipeline.ts'

const { aws, upload, store, read, processor: create } = await startPipeline(t)
const processor = create()
const jpeg = await sharp({ create: { width: 8, height: 4, channels: 3, background: '#369' } })
  .jpeg()
  .toBuffer()
const { uploadBucket: bucket } = names

t.test('the type of another producer’s object is found by its bytes and its key', async t => {
  for (const [Key, ContentType, Body, transform] of [
    ['other/photo.txt', 'text/plain', jpeg, 'image'],
    ['other/photo', undefined, jpeg, 'image'],
    ['other/table.csv', undefined, 'a,b\n1,2\n', 'csv-to-ndjson'],
    ['other/table', '*/*', 'a,b\n1,2\n', 'upper-case'],
    ['other/notes.md', 'binary/octet-stream', '# hi', 'upper-case'],
    ['other/notes', 'unknown/unknown', 'hi', 'upper-case'],
    ['other/data.json', 'binary/octet-stream', '{}', 'digest'],
    ['other/noise', 'image/*', Buffer.from([0, 1, 2]), 'digest'],
    ['other/empty', undefined, '', 'digest'],
  ] as const) {
    await aws.s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body, ContentType }))
    await processor.process(streamRecord({ bucket, key: Key }), going)
    const { metadata } = await read(`processed-other/${Key}`)
    t.equal(metadata.transform, transform, `${Key} as ${ContentType}`)
  }
})

t.test('an event without the newer properties gives the same result', async t => {
  const detectedType = 'image/jpeg'
  const change = { filename: 'file-1.txt', filenameGenerated: true, contentType: 'text/plain', detectedType } as const
  const record = await upload(jpeg, change)
  const event = eventOf(record)
  t.match(event, { filenameGenerated: true, detectedType })
  const { detectedType: _type, filenameGenerated: _mark, ...older } = event
  for (const sent of [event, older, { bucket, key: record.key }]) {
    const data = encodeEvent(sent as typeof event)
    await processor.process({ ...streamRecord(record), data }, going)
    t.match(await store.get(record), { status: 'processed', transform: { name: 'image' } })
  }
})

t.test('a generated name does not determine the type, and a name without the mark counts as the client’s', async t => {
  const change = { filename: 'file-1.csv', contentType: 'application/octet-stream' }
  const generated = await upload('a,b\n1,2\n', { ...change, filenameGenerated: true })
  await processor.process(streamRecord(generated), going)
  t.match(await store.get(generated), { transform: { name: 'upper-case' } })
  const named = await upload('a,b\n1,2\n', change)
  await processor.process(streamRecord(named), going)
  t.match(await store.get(named), { transform: { name: 'csv-to-ndjson' } })
})

t.test('a wrong detected type in an event is ignored', async t => {
  const record = await upload('hello', { contentType: 'application/octet-stream', detectedType: 'image/jpeg' })
  await processor.process(streamRecord(record), going)
  t.match(await store.get(record), { status: 'processed', transform: { name: 'upper-case' } })
})

t.test('a transform gets all bytes of an upload, of any size around the bytes that are read for its type', async t => {
  for (const size of [0, 1, 4_099, 4_100, 4_101, 8_200, 300_000]) {
    const record = await upload('a'.repeat(size), {})
    await processor.process(streamRecord(record), going)
    t.equal((await read(`processed/owner-1/${record.uploadId}/demo.txt`)).text, 'A'.repeat(size), `${size} bytes`)
  }
})
