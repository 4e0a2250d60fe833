import t from 'tap'
import { encodeEvent, type UploadEvent } from '../../services/uploads/events/event.ts'
import { ownerOfEvent } from '../../services/uploads/events/event-owner.ts'

const event: UploadEvent = {
  version: 1,
  bucket: 'uploads',
  key: 'uploads/owner-1/1/a.txt',
  uploadId: '1',
  userSub: 'owner-1',
  filename: 'a.txt',
  contentType: 'text/plain',
  size: 5,
  sha256: 'ab'.repeat(32),
  uploadedAt: '2026-11-23T00:00:00Z',
  requestId: 'r',
}

const ofText = (text: string) => ownerOfEvent(Buffer.from(text))

t.test('finds the owner of an event with confusing values in other properties', async t => {
  const tricky = [
    '"userSub":"other"',
    '\\"userSub":"other"',
    '{"userSub":"other","x":"',
    '","userSub":"other',
    'ünïcode "\\',
  ]
  for (const text of ['a.txt', ...tricky]) {
    for (const field of ['bucket', 'key', 'uploadId', 'filename', 'contentType', 'requestId'] as const) {
      t.equal(ownerOfEvent(encodeEvent({ [field]: text, ...event, [field]: text })), 'owner-1', `${field}: ${text}`)
    }
  }
  t.equal(ownerOfEvent(encodeEvent({ ...event, userSub: 'ówner 一' })), 'ówner 一')
})

t.test('reads only the given part of a larger buffer', async t => {
  const larger = Buffer.concat([
    Buffer.from('{"userSub":"before"}'),
    encodeEvent(event),
    Buffer.from('{"userSub":"after"}'),
  ])
  const part = new Uint8Array(larger.buffer, larger.byteOffset + 20, encodeEvent(event).byteLength)
  t.equal(ownerOfEvent(part), 'owner-1')
})

t.test('finds no owner in data that is not an event of the api', async t => {
  const texts = [
    '',
    'no JSON',
    '{"bucket":"b","key":"k"}',
    '{"userSub":5}',
    '{"userSub":""}',
    '{"userSub":"never ends',
    '{"userSub": "spaced"}',
    '{"userSub":"esc\\u0061ped"}',
    `{"userSub":"${'x'.repeat(600)}"}`,
    `{"filename":"${'x'.repeat(20_000)}","userSub":"late"}`,
  ]
  for (const text of texts) t.equal(ofText(text), undefined, text.slice(0, 40))
})
