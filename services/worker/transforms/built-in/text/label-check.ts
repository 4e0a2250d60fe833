import { TransformError } from '../../../errors.ts'
import type { StatedBy } from './refusal.ts'

/** Checks decoded text, piece by piece, for signs that the stated encoding is wrong. */
export interface LabelCheck {
  /** @throws TransformError */
  look(text: string): void
  /** @throws TransformError */
  end?(): void
}

/** Number of UTF-16 units at the start of a text that are checked. */
const OPENING = 32
/** Fewer units can look like byte-swapped ASCII by chance: two Chinese characters can. */
const MIN_SWAPPED = 4

/** The escape sequences that select the character sets of ISO-2022-JP, -KR and -CN. Terminals use other sequences. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern searches for escape sequences
const ISO_2022 = /\x1b\$[@AB()]/
// biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern searches for escape sequences
const BEGUN = /\x1b\$?$/

/**
 * Creates the check for encodings in which wrong bytes are still valid: nearly all bytes are valid UTF-16, and ISO-2022-JP is valid
 * UTF-8. Returns undefined for other encodings, because decoding detects a wrong one.
 */
export function createLabelCheck(encoding: string, statedBy: StatedBy): LabelCheck | undefined {
  if (encoding.startsWith('utf-16') && statedBy === 'charset') return utf16Check(encoding)
  return encoding === 'utf-8' && statedBy === 'nothing' ? escapeCheck() : undefined
}

function utf16Check(encoding: string): LabelCheck {
  let opening = ''
  const judge = () => {
    const units = Array.from({ length: opening.length }, (_, index) => opening.charCodeAt(index))
    const isSwapped = units.length >= MIN_SWAPPED && units.every(unit => (unit & 0xff) === 0 && unit < 0x8000)
    if (isSwapped) throw refusal(encoding, encoding === 'utf-16le' ? 'utf-16be' : 'utf-16le')
    const isAscii = units.length === OPENING && units.every(unit => isPrintable(unit >> 8) && isPrintable(unit & 0xff))
    if (isAscii) throw refusal(encoding, 'utf-8')
  }
  return {
    look(text) {
      if (opening.length >= OPENING) return
      opening += text.slice(0, OPENING - opening.length)
      if (opening.length === OPENING) judge()
    },
    end() {
      if (opening.length < OPENING) judge()
    },
  }
}

const isPrintable = (byte: number) => (byte >= 0x20 && byte < 0x7f) || byte === 0x0a || byte === 0x0d || byte === 0x09

function refusal(stated: string, seen: string): TransformError {
  return new TransformError(
    `The content type says ${stated}, and the bytes look like ${seen}. Name the charset of the text in its content type.`,
  )
}

function escapeCheck(): LabelCheck {
  /** The end of the last piece, if it may be the start of an escape sequence. */
  let begun = ''
  return {
    look(text) {
      if (begun === '' && !text.includes('\x1b')) return
      const joined = begun + text
      if (ISO_2022.test(joined)) {
        throw new TransformError(
          'The content has escape sequences of ISO-2022. Name its charset in the content type, as in "text/plain; charset=iso-2022-jp", or send it in UTF-8.',
        )
      }
      begun = BEGUN.exec(joined)?.[0] ?? ''
    },
  }
}
