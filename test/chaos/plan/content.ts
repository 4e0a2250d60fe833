import { hash } from 'node:crypto'

/** What is in a file, and so what has to become of it. */
export const contentKinds = [
  'text',
  'binary',
  'bad-text',
  'table',
  'wide-table',
  'unknown-charset',
  'no-image',
] as const

/** Small files that have ended or stalled a worker, each with one right end. */
export const hostileKinds = [
  'bad-text',
  'table',
  'wide-table',
  'unknown-charset',
  'no-image',
] as const satisfies readonly ContentKind[]

export type ContentKind = (typeof contentKinds)[number]

/** The end that an upload has to come to: the bytes of its processed object, or the code of its failure. */
export type Due = { status: 'processed'; bytes: Buffer } | { status: 'failed'; code: string }

/** Bytes that are the same for the same label, and of no other label. */
export function bytesOf(kind: ContentKind, label: string, size: number): Buffer {
  if (kind === 'binary' || kind === 'no-image') return expand(label, size)
  if (kind === 'table') return Buffer.from(`a,b\n1,${label}\n`)
  // More columns than a table may have, each with a name of its own.
  if (kind === 'wide-table') return Buffer.from(Array.from({ length: 10_001 }, (_, n) => `${label}-${n}`).join(','))
  const line = `${label}: schöne Grüße, ﬁlled by ten times ß.\n`
  const text = Buffer.from(line.repeat(Math.ceil(size / Buffer.byteLength(line))))
  // No character of UTF-8 has these bytes. In the middle, so that no mark at the beginning is seen in them.
  return kind !== 'bad-text' ? text : Buffer.concat([text, Buffer.from([0xc3, 0x28, 0xff]), text])
}

/** What the worker has to make of it. */
export function dueOf(kind: ContentKind, bytes: Buffer): Due {
  switch (kind) {
    case 'text':
      return { status: 'processed', bytes: Buffer.from(bytes.toString().toUpperCase()) }
    case 'binary':
      return { status: 'processed', bytes }
    case 'table':
      return { status: 'processed', bytes: Buffer.from(`{"a":"1","b":"${/1,(.*)\n/.exec(bytes.toString())?.[1]}"}\n`) }
    case 'bad-text':
    case 'wide-table':
    case 'unknown-charset':
    case 'no-image':
      return { status: 'failed', code: 'HEADGATE_TRANSFORM_REFUSED' }
  }
}

const CONTENT_TYPES: Readonly<Record<ContentKind, string>> = {
  text: 'text/plain',
  binary: 'application/octet-stream',
  'bad-text': 'text/plain',
  table: 'text/csv',
  'wide-table': 'text/csv',
  'unknown-charset': 'text/plain; charset=binary',
  'no-image': 'image/png',
}

export const contentTypeOf = (kind: ContentKind) => CONTENT_TYPES[kind]

function expand(label: string, size: number): Buffer {
  const blocks: Buffer[] = [Buffer.from(`${label}\0`)]
  for (let bytes = 0; bytes < size; bytes += 64) blocks.push(hash('sha512', `${label}/${bytes}`, 'buffer'))
  return Buffer.concat(blocks).subarray(0, size)
}
