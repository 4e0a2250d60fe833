import { TransformError } from '../../../errors.ts'
import type { Fault } from './piece-decoder.ts'

/** Where the encoding of a text was stated. */
export type StatedBy = 'byte-order mark' | 'charset' | 'nothing'

const SEND_UTF_8 = 'Send the text in UTF-8'

const REMEDIES: Readonly<Record<StatedBy, string>> = {
  'byte-order mark': `The text begins with a byte-order mark of this encoding, which takes precedence over a charset. ${SEND_UTF_8}.`,
  charset: `${SEND_UTF_8}, or name its charset in the content type.`,
  nothing: `${SEND_UTF_8}, or name its charset in the content type, as in "text/plain; charset=windows-1252".`,
}

/** Creates the error for a text that has a fault. */
export function refusalOf(fault: Fault, encoding: string, statedBy: StatedBy, cause?: unknown): TransformError {
  const what = fault.kind === 'forbidden' ? forbidden(fault, encoding) : invalid(fault, encoding)
  const hint = fault.kind === 'forbidden' && fault.character === 0 && statedBy === 'nothing' ? UTF_16 : ''
  return new TransformError(`${what} ${hint}${REMEDIES[statedBy]}`, { cause })
}

const UTF_16 = 'UTF-16 without a byte-order mark needs charset=utf-16le or charset=utf-16be. '

function invalid({ kind, offset }: Fault, encoding: string): string {
  return kind === 'unfinished'
    ? `The content is not valid ${encoding}: it ends in the middle of the character that begins at byte offset ${offset}.`
    : `The content is not valid ${encoding}: the byte at offset ${offset} is invalid there.`
}

function forbidden({ offset, character }: Extract<Fault, { kind: 'forbidden' }>, encoding: string): string {
  if (character === 0) return `The content is not text: there is a NUL character at byte offset ${offset}.`
  const code = `U+${character.toString(16).toUpperCase().padStart(4, '0')}`
  return `The content is not text in ${encoding}: byte offset ${offset} decodes to ${code}, ${classOf(character)}.`
}

function classOf(character: number): string {
  if (character < 0xa0) return 'a control character'
  return (character >= 0xfdd0 && character <= 0xfdef) || (character & 0xfffe) === 0xfffe
    ? 'a noncharacter'
    : 'a private-use character'
}
