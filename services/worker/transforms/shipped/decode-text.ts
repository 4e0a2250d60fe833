import { type MIMEType, TextDecoder } from 'node:util'
import { TransformError } from '../../errors.ts'

/**
 * Decodes a stream of bytes. Every string it yields is made of whole code points, however the bytes were cut. A byte
 * order mark is kept as U+FEFF.
 *
 * @throws TransformError for bytes that the charset does not have. Replacing them would lose what they were.
 */
export async function* decodeText(input: AsyncIterable<Uint8Array>, named: TextDecoder): AsyncGenerator<string> {
  let decoder = named
  let head: Uint8Array | undefined = new Uint8Array()
  for await (const chunk of input) {
    // The first two bytes are waited for: they may say something else than the charset does.
    const bytes: Uint8Array = head ? Buffer.concat([head, chunk]) : chunk
    if (head) {
      head = bytes.length < 2 ? bytes : undefined
      if (head) continue
      decoder = byMark(bytes, named)
    }
    const text = decode(() => decoder.decode(bytes, { stream: true }), decoder.encoding)
    if (text !== '') yield text
  }
  const rest = decode(() => decoder.decode(head), decoder.encoding)
  if (rest !== '') yield rest
}

/**
 * Makes the decoder of a charset, by any of its names in https://encoding.spec.whatwg.org/#names-and-labels.
 *
 * @throws TransformError for a charset that is unknown
 */
export function createDecoder(charset: string): TextDecoder {
  try {
    return new TextDecoder(charset, { fatal: true, ignoreBOM: true })
  } catch (cause) {
    throw new TransformError(`The charset "${charset}" of the content type is unknown.`, { cause })
  }
}

/**
 * The decoder of a content type: that of its charset, UTF-8 where it names none.
 *
 * @throws TransformError for a charset that is unknown
 */
export function decoderOf(type: MIMEType | undefined): TextDecoder {
  const charset = type?.params.get('charset') ?? 'utf-8'
  // ASCII is UTF-8 already; the label itself would mean windows-1252, which has something for every byte.
  return createDecoder(/^(us-)?ascii$/i.test(charset) ? 'utf-8' : charset)
}

/** `utf-16` is little-endian to a TextDecoder, and to everybody else what the byte order mark says. */
function byMark(start: Uint8Array, named: TextDecoder): TextDecoder {
  const isBigEndian = named.encoding === 'utf-16le' && start[0] === 0xfe && start[1] === 0xff
  return isBigEndian ? createDecoder('utf-16be') : named
}

function decode(step: () => string, encoding: string): string {
  try {
    return step()
  } catch (cause) {
    throw new TransformError(`The content is not valid ${encoding}: name its charset in the content type.`, { cause })
  }
}
