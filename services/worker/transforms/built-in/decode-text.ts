import type { MIMEType } from 'node:util'
import { byteOrderMarkOf, MAX_MARK_BYTES } from './text/byte-order-mark.ts'
import { type Charset, charsetOf, encodingOf } from './text/charset.ts'
import { loadEncoding } from './text/encodings.ts'
import { createLabelCheck } from './text/label-check.ts'
import { createPieceDecoder } from './text/piece-decoder.ts'
import { refusalOf, type StatedBy } from './text/refusal.ts'

/**
 * Returns the charset of a content type, for `decodeText`. Without a charset, the text is decoded as UTF-8.
 */
export function decoderOf(type: MIMEType | undefined): Charset {
  return charsetOf(type)
}

/**
 * Decodes a stream of bytes. Every yielded string consists of whole code points, however the bytes are split into chunks. A byte-order
 * mark takes precedence over the charset and is not part of the text.
 *
 * @throws TransformError for an unknown charset, for bytes that are invalid in the encoding, and for characters that show a wrong
 * encoding. Replacing them would lose data.
 */
export async function* decodeText(input: AsyncIterable<Uint8Array>, charset: Charset): AsyncGenerator<string> {
  let decoder: TextReader | undefined
  let start = new Uint8Array()
  for await (const chunk of input) {
    let bytes: Uint8Array = chunk
    if (!decoder) {
      start = Buffer.concat([start, chunk])
      if (start.length < MAX_MARK_BYTES) continue
      ;({ decoder, rest: bytes } = await begin(start, charset))
    }
    const text = decoder.decode(bytes)
    if (text !== '') yield text
  }
  if (!decoder) {
    const begun = await begin(start, charset)
    decoder = begun.decoder
    const text = decoder.decode(begun.rest)
    if (text !== '') yield text
  }
  decoder.end()
}

interface TextReader {
  decode(bytes: Uint8Array): string
  end(): void
}

/** Chooses the encoding by the first bytes of a text. `rest` has these bytes without the byte-order mark. */
async function begin(start: Uint8Array, charset: Charset): Promise<{ decoder: TextReader; rest: Uint8Array }> {
  const mark = byteOrderMarkOf(start)
  const encoding = await loadEncoding(mark?.encoding ?? (await encodingOf(charset)))
  const statedBy: StatedBy = mark ? 'byte-order mark' : charset.label === '' ? 'nothing' : 'charset'
  const offset = mark?.length ?? 0
  const pieces = createPieceDecoder(encoding, {
    offset,
    refuse: (fault, cause) => refusalOf(fault, encoding.name, statedBy, cause),
  })
  const check = createLabelCheck(encoding.name, statedBy)
  const decoder: TextReader = {
    decode(bytes) {
      const text = pieces.decode(bytes)
      check?.look(text)
      return text
    },
    end() {
      pieces.end()
      check?.end?.()
    },
  }
  return { decoder, rest: start.subarray(offset) }
}
