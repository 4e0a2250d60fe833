import { TransformError } from '../errors.ts'
import { decoderOf, decodeText } from './built-in/decode-text.ts'
import { parseMediaType } from './media-type.ts'

/** Options of `textOf`. */
export interface TextOptions {
  /** The content type of the upload, for its charset. UTF-8 if it is omitted or has no charset. */
  contentType?: string
}

/** Options of `linesOf`. */
export interface LinesOptions extends TextOptions {
  /**
   * Maximum length of a line, in UTF-16 units.
   *
   * @default 1,048,576
   */
  maxLength?: number
}

/**
 * Decodes the input as text, in pieces of whole characters. A byte-order mark overrides the charset and is removed.
 *
 * @throws TransformError for an unknown charset, invalid bytes, and content that is not text
 */
export async function* textOf(
  input: AsyncIterable<Uint8Array>,
  { contentType = '' }: TextOptions = {},
): AsyncGenerator<string> {
  yield* decodeText(input, decoderOf(parseMediaType(contentType)))
}

/**
 * Yields the lines of the input, without their ends (`\n` or `\r\n`). At most one line is held in memory.
 *
 * @throws TransformError as `textOf`, and for a line that is longer than `maxLength`
 */
export async function* linesOf(
  input: AsyncIterable<Uint8Array>,
  { maxLength = 1024 ** 2, ...options }: LinesOptions = {},
): AsyncGenerator<string> {
  /**
   * The pieces of the current line. They are joined at its end, because joining with each chunk would copy a long line
   * each time.
   */
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
    // The chunk may end between `\r` and `\n`, and `\r` does not count.
    checkLength(rest.endsWith('\r') ? begunLength - 1 : begunLength)
  }
  if (begunLength === 0) return
  checkLength(begunLength)
  yield begun.join('')
}
