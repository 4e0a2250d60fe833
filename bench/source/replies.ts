import { randomBytes, randomUUID } from 'node:crypto'
import { cbor } from '@smithy/core/cbor'
import { names } from '../../services/platform/resources.ts'
import { EVENT_VERSION, type UploadEvent } from '../../services/uploads/events/event.ts'
import type { SizeProfile } from './profile.ts'

export type Format = 'json' | 'cbor'

/** The placeholder of a reply's number, in sequence numbers, partition keys and the next iterator. */
const PLACE = '#'.repeat(12)
/** About the length of an iterator of Kinesis. */
const ITERATOR_LENGTH = 220
const SEQUENCE_START = '496804839706603223070233918326191059'

/** Returns an iterator. Its number identifies the reply; the first digit is the shard. */
export const iteratorOf = (stream: string, number: number | string) =>
  `${stream}/${String(number).padStart(PLACE.length, '0')}/`.padEnd(ITERATOR_LENGTH, 'A')

export function parseIterator(iterator: string): { stream: string; number: number } {
  const [stream = '', number = ''] = iterator.split('/')
  return { stream, number: Number(number) }
}

/**
 * Prepares the replies of one stream once, and numbers them as they are sent, so that the cost of creating them is not
 * measured.
 */
export function createReplies(stream: string, { size, recordsPerReply, events }: SizeProfile) {
  const arrived = Date.now()
  const records = Array.from({ length: recordsPerReply }, (_, i) => ({
    Data: events ? eventOf(i) : jsonOf(size),
    // As long as a UUID and always different, which gives the lanes the most work.
    PartitionKey: `${randomUUID().slice(0, 24)}${PLACE}`,
    SequenceNumber: `${SEQUENCE_START}${PLACE}${String(i).padStart(8, '0')}`,
  }))
  const rest = { NextShardIterator: iteratorOf(stream, PLACE), MillisBehindLatest: 60_000 }
  const inJson = records.map(record => ({
    ...record,
    Data: record.Data.toString('base64'),
    ApproximateArrivalTimestamp: arrived / 1_000,
  }))
  const inCbor = records.map(record => ({ ...record, ApproximateArrivalTimestamp: arrived }))
  const templates = {
    json: toTemplate(Buffer.from(JSON.stringify({ Records: inJson, ...rest }))),
    cbor: toTemplate(Buffer.from(cbor.serialize({ Records: inCbor, ...rest }))),
  }

  return (format: Format, number: number): Buffer => {
    // Base64 would hide the placeholders.
    if (events && format === 'json') throw new Error('Upload events are given in CBOR alone.')
    const { bytes, places } = templates[format]
    const reply = Buffer.from(bytes)
    const digits = Buffer.from(String(number).padStart(PLACE.length, '0'))
    for (const place of places) digits.copy(reply, place)
    // The iterator identifies the next reply.
    reply.write(String(number + 1).padStart(PLACE.length, '0'), reply.indexOf(`${stream}/`) + stream.length + 1)
    return reply
  }
}

/**
 * Returns JSON of this size, which cannot be compressed or cached. Data that is not JSON costs lifion-kinesis twenty
 * times as much, because it creates an object with a property for each byte.
 */
function jsonOf(size: number): Buffer {
  const rest = '{"text":""}'
  const text = randomBytes(size)
    .toString('base64')
    .slice(0, size - rest.length)
  return Buffer.from(JSON.stringify({ text }))
}

/** Returns the event of an upload whose id contains the reply's number. */
function eventOf(i: number): Buffer {
  const uploadId = `${PLACE}-${String(i).padStart(23, '0')}`
  const owner = 'a1b2c3d4-0000-4000-8000-000000000000'
  const event: UploadEvent = {
    version: EVENT_VERSION,
    bucket: names.uploadBucket,
    key: `uploads/${owner}/${uploadId}/demo.txt`,
    uploadId,
    userSub: owner,
    filename: 'demo.txt',
    contentType: 'text/plain',
    size: 4_096,
    sha256: 'ab'.repeat(32),
    uploadedAt: '2026-11-23T10:00:00.000Z',
    requestId: '7f1d0a52-6f0c-4b7e-9d61-0c2f5c3d8a11',
  }
  return Buffer.from(JSON.stringify(event))
}

function toTemplate(bytes: Buffer): { bytes: Buffer; places: number[] } {
  const places: number[] = []
  for (let at = bytes.indexOf(PLACE); at >= 0; at = bytes.indexOf(PLACE, at + PLACE.length)) places.push(at)
  return { bytes, places }
}
