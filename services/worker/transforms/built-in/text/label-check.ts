import { TransformError } from '../../../errors.ts'
import type { StatedBy } from './refusal.ts'

/** Looks at the text piece by piece for signs that another encoding was stated than the text is in. */
export interface LabelCheck {
  /** @throws TransformError */
  look(text: string): void
  /** @throws TransformError */
  end?(): void
}

/** UTF-16 units of a text that are looked at. */
const OPENING = 32
/** Fewer units than these can be swapped ASCII by chance: two Chinese characters can. */
const MIN_SWAPPED = 4

/** What designates the character sets of ISO-2022-JP, -KR and -CN. Terminals use other sequences. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what it looks for
const ISO_2022 = /\x1b\$[@AB()]/
// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what it looks for
const BEGUN = /\x1b\$?$/

/**
 * Creates the check for what stays valid in a wrong encoding: nearly any bytes are valid UTF-16, and ISO-2022-JP is valid
 * UTF-8. Undefined where a wrong encoding shows by itself.
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
  /** The end of the last piece, where it may begin an escape sequence. */
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
