import { hash } from 'node:crypto'

/** What is in a file, and so what has to become of it. */
export const contentKinds = ['text', 'binary', 'bad-text'] as const

export type ContentKind = (typeof contentKinds)[number]

/** The end that an upload has to come to: the bytes of its processed object, or the code of its failure. */
export type Due = { status: 'processed'; bytes: Buffer } | { status: 'failed'; code: string }

/** Bytes that are the same for the same label, and of no other label. */
export function bytesOf(kind: ContentKind, label: string, size: number): Buffer {
  if (kind === 'binary') return expand(label, size)
  const line = `${label}: schöne Grüße, ﬁlled by ten times ß.\n`
  const text = Buffer.from(line.repeat(Math.ceil(size / Buffer.byteLength(line))))
  // No character of UTF-8 has these bytes. In the middle, so that no mark at the beginning is seen in them.
  return kind === 'text' ? text : Buffer.concat([text, Buffer.from([0xc3, 0x28, 0xff]), text])
}

/** What the worker has to make of it. */
export function dueOf(kind: ContentKind, bytes: Buffer): Due {
  switch (kind) {
    case 'text':
      return { status: 'processed', bytes: Buffer.from(bytes.toString().toUpperCase()) }
    case 'binary':
      return { status: 'processed', bytes }
    case 'bad-text':
      return { status: 'failed', code: 'HEADGATE_TRANSFORM_REFUSED' }
  }
}

export const contentTypeOf = (kind: ContentKind) => (kind === 'binary' ? 'application/octet-stream' : 'text/plain')

function expand(label: string, size: number): Buffer {
  const blocks: Buffer[] = [Buffer.from(`${label}\0`)]
  for (let bytes = 0; bytes < size; bytes += 64) blocks.push(hash('sha512', `${label}/${bytes}`, 'buffer'))
  return Buffer.concat(blocks).subarray(0, size)
}
