import { hash } from 'node:crypto'

/** The kind of content of a file, which decides its expected state. */
export const contentKinds = [
  'text',
  'binary',
  'bad-text',
  'table',
  'wide-table',
  'unknown-charset',
  'no-image',
] as const

/** Small files that once killed or blocked a worker. Each has one correct final state. */
export const hostileKinds = [
  'bad-text',
  'table',
  'wide-table',
  'unknown-charset',
  'no-image',
] as const satisfies readonly ContentKind[]

export type ContentKind = (typeof contentKinds)[number]

/** The expected result of an upload: the bytes of its processed object, or the code of its failure. */
export type Due = { status: 'processed'; bytes: Buffer } | { status: 'failed'; code: string }

/** Returns bytes that depend only on the label and differ for every label. */
export function bytesOf(kind: ContentKind, label: string, size: number): Buffer {
  if (kind === 'binary' || kind === 'no-image') return expand(label, size)
  if (kind === 'table') return Buffer.from(`a,b\n1,${label}\n`)
  // More columns than a table may have, each with its own name.
  if (kind === 'wide-table') return Buffer.from(Array.from({ length: 10_001 }, (_, n) => `${label}-${n}`).join(','))
  const line = `${label}: schöne Grüße, ﬁlled by ten times ß.\n`
  const text = Buffer.from(line.repeat(Math.ceil(size / Buffer.byteLength(line))))
  // Bytes that are invalid in UTF-8. They are in the middle, so that they do not look like a byte order mark.
  return kind !== 'bad-text' ? text : Buffer.concat([text, Buffer.from([0xc3, 0x28, 0xff]), text])
}

/** Returns the expected result of a file. */
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
