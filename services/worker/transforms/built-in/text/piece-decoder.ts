import type { Encoding, StreamDecoder } from './encodings.ts'

/** The kind and place of a fault in the bytes of a text. Offsets count from the text's first byte. */
export type Fault =
  | { readonly kind: 'invalid'; readonly offset: number }
  | { readonly kind: 'forbidden'; readonly offset: number; readonly character: number }
  | { readonly kind: 'unfinished'; readonly offset: number }

export interface PieceDecoder {
  /** Returns the characters that these bytes complete. @throws the error that `refuse` returns */
  decode(bytes: Uint8Array): string
  /** Ends the text. @throws the error that `refuse` returns */
  end(): void
}

export interface PieceDecoderOptions {
  /** Number of bytes of the text before the first piece. */
  readonly offset: number
  /** Creates the error for the first fault. */
  refuse(fault: Fault, cause?: unknown): Error
}

/** Maximum number of bytes until a character is complete, in any encoding: an escape sequence and two bytes. */
const MAX_CHARACTER_BYTES = 5

const ESC = 0x1b
const NOTHING = new Uint8Array()
const MORE = { stream: true }

/** Decodes a text piece by piece, and finds the first byte that is not text in the encoding. */
export function createPieceDecoder(encoding: Encoding, { offset: start, refuse }: PieceDecoderOptions): PieceDecoder {
  const decoder = encoding.create()
  const isUtf8 = encoding.name === 'utf-8'
  const hasEscapes = encoding.name === 'iso-2022-jp'
  let offset = start
  /** The last bytes, if they are the start of an incomplete character. */
  let pending: Uint8Array = NOTHING
  /** The escape sequence that applies to the next bytes. */
  let shift: Uint8Array = NOTHING

  function decode(bytes: Uint8Array): string {
    const step = attempt(() => (isUtf8 ? decodeUtf8(bytes) : decodeOther(bytes)))
    if ('cause' in step) throw refuse(locate(bytes), step.cause)
    if (!encoding.isText(step.text, bytes)) throw refuse(locate(bytes))
    if (hasEscapes) shift = lastEscape(bytes, step.pending) ?? shift
    pending = step.pending
    offset += bytes.length
    return step.text
  }

  function decodeUtf8(bytes: Uint8Array) {
    const text = decoder.decode(bytes, MORE)
    return { text, pending: pendingUtf8(bytes.length < 3 ? Buffer.concat([pending, bytes]) : bytes) }
  }

  /** Decodes the last bytes one by one. The bytes after the last complete character are pending. */
  function decodeOther(bytes: Uint8Array) {
    const cut = Math.max(0, bytes.length - MAX_CHARACTER_BYTES)
    let text = decoder.decode(bytes.subarray(0, cut), MORE)
    let complete = -1
    for (let at = cut; at < bytes.length; at++) {
      const more = decoder.decode(bytes.subarray(at, at + 1), MORE)
      if (more === '') continue
      text += more
      complete = at + 1
    }
    const rest = complete === -1 ? Buffer.concat([pending, bytes]) : Buffer.from(bytes.subarray(complete))
    return { text, pending: rest }
  }

  function lastEscape(bytes: Uint8Array, rest: Uint8Array): Uint8Array | undefined {
    const known = Buffer.concat([pending, bytes])
    const at = known.subarray(0, known.length - rest.length).lastIndexOf(ESC)
    return at === -1 ? undefined : known.subarray(at, at + 3)
  }

  /** Finds the shortest prefix of the bytes that is refused, by bisection. Its last byte is at fault. */
  function locate(bytes: Uint8Array): Fault {
    const known = Buffer.concat([pending, bytes])
    let good = 0
    let bad = known.length
    while (good + 1 < bad) {
      const middle = (good + bad) >> 1
      if (tryAgain(known.subarray(0, middle)).isRefused) bad = middle
      else good = middle
    }
    const at = offset - pending.length + bad - 1
    const { character } = tryAgain(known.subarray(0, bad))
    return character === undefined ? { kind: 'invalid', offset: at } : { kind: 'forbidden', offset: at, character }
  }

  function tryAgain(bytes: Uint8Array): { isRefused: boolean; character?: number | undefined } {
    const step = attempt(() => ({ text: primed().decode(bytes, MORE), pending: NOTHING }))
    if ('cause' in step) return { isRefused: true }
    const found = encoding.findForbidden(step.text)
    return found === -1 ? { isRefused: false } : { isRefused: true, character: step.text.codePointAt(found) }
  }

  /** Creates a decoder in the state in which the pending bytes began. */
  function primed(): StreamDecoder {
    const fresh = encoding.create()
    // A character follows the escape sequence, because two escape sequences in a row are an error.
    if (shift.length > 0) fresh.decode(Buffer.from([...shift, 0x21, 0x21]), MORE)
    return fresh
  }

  function end(): void {
    const step = attempt(() => ({ text: decoder.decode(), pending: NOTHING }))
    if ('cause' in step) throw refuse({ kind: 'unfinished', offset: offset - pending.length }, step.cause)
  }

  return { decode, end }
}

type Step = { readonly text: string; readonly pending: Uint8Array } | { readonly cause: TypeError }

function attempt(step: () => { text: string; pending: Uint8Array }): Step {
  try {
    return step()
  } catch (cause) {
    if (cause instanceof TypeError) return { cause }
    throw cause
  }
}

/** Returns the bytes at the end of valid UTF-8 that are the start of an incomplete character. */
function pendingUtf8(bytes: Uint8Array): Uint8Array {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0
    if ((byte & 0xc0) === 0x80) continue
    const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1
    return needed > back ? Buffer.from(bytes.subarray(-back)) : NOTHING
  }
  return NOTHING
}
