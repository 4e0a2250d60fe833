import type { MIMEType } from 'node:util'
import { byteOrderMarkOf, MAX_MARK_BYTES } from './text/byte-order-mark.ts'
import { type Charset, charsetOf, encodingOf } from './text/charset.ts'
import { loadEncoding } from './text/encodings.ts'
import { createLabelCheck } from './text/label-check.ts'
import { createPieceDecoder } from './text/piece-decoder.ts'
import { refusalOf, type StatedBy } from './text/refusal.ts'

/**
 * Reads how a content type says that its text is to be decoded, for `decodeText`: by its charset, and as UTF-8 where it names
 * none.
 */
export function decoderOf(type: MIMEType | undefined): Charset {
  return charsetOf(type)
}

/**
 * Decodes a stream of bytes. Every string it yields is made of whole code points, however the bytes were cut. The byte-order
 * mark outranks the charset and is not part of the text.
 *
 * @throws TransformError for a charset that is unknown, for bytes that the encoding does not have, and for characters that
 * show that the content is not text in this encoding. Replacing them would lose what they were.
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

/** Chooses the encoding by the first bytes of a text. Their rest is the text without its byte-order mark. */
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
