import { TransformError } from '../errors.ts'
import { decoderOf, decodeText } from './built-in/decode-text.ts'
import { parseMediaType } from './media-type.ts'

export interface TextOptions {
  /** Whose charset is taken: that of the upload. UTF-8 where it is left out or names none. */
  contentType?: string
}

export interface LinesOptions extends TextOptions {
  /** The longest line, in UTF-16 units. 1 MiB where it is left out. */
  maxLength?: number
}

/**
 * The input as text, in pieces of whole characters. A byte-order mark outranks the charset and is not part of the text.
 *
 * @throws TransformError for a charset that is unknown, for bytes that it does not have, and for content that is not text
 */
export async function* textOf(
  input: AsyncIterable<Uint8Array>,
  { contentType = '' }: TextOptions = {},
): AsyncGenerator<string> {
  yield* decodeText(input, decoderOf(parseMediaType(contentType)))
}

/**
 * The lines of the input, without their ends (`\n` or `\r\n`). No more than a line is held.
 *
 * @throws TransformError as `textOf`, and for a line that is longer than the bound
 */
export async function* linesOf(
  input: AsyncIterable<Uint8Array>,
  { maxLength = 1024 ** 2, ...options }: LinesOptions = {},
): AsyncGenerator<string> {
  /** What has arrived of a line, in pieces: joining them with each chunk would copy a long line with each chunk. */
  let begun: string[] = []
  let begunLength = 0
  let number = 1
  const checkLength = (length: number) => {
    if (length > maxLength) throw new TransformError(`Line ${number} is longer than ${maxLength} characters.`)
  }
  const ended = (last: string) => {
    const whole = begun.length === 0 ? last : begun.join('') + last
    begun = []
    begunLength = 0
    const line = whole.endsWith('\r') ? whole.slice(0, -1) : whole
    checkLength(line.length)
    number++
    return line
  }
  for await (const text of textOf(input, options)) {
    const lines = text.split('\n')
    const rest = lines.pop() ?? ''
    for (const line of lines) yield ended(line)
    if (rest === '') continue
    begun.push(rest)
    begunLength += rest.length
    // Cut between `\r` and `\n`, it is no longer than it may be yet.
    checkLength(rest.endsWith('\r') ? begunLength - 1 : begunLength)
  }
  if (begunLength === 0) return
  checkLength(begunLength)
  yield begun.join('')
}
