import { TransformError } from '../../../errors.ts'
import { isValue } from './cells.ts'
import { type Dialect, RFC_4180 } from './dialect.ts'
import type { Head } from './head.ts'
import { type Reading, readBy } from './reading.ts'
import type { Row } from './record-splitter.ts'

/** What is said of a file, and not looked for in it. */
export interface GivenDialect {
  readonly delimiter?: string | undefined
  readonly quote?: Dialect['quote'] | undefined
  readonly escape?: Dialect['escape'] | undefined
}

export interface Limits {
  /** The lines before it are no part of the table. */
  readonly firstLine: number
  /** The longest row, in UTF-16 units. */
  readonly maxLength: number
}

/** What stands between fields in nearly all files, the first where nothing tells. */
const USUAL = [',', ';', '\t', '|'] as const

/** What stands in no text by chance, and then what does: that has to prove more. */
const RARE = ['\x1f', '\x01', '^', '~', '¦', ':', ' '] as const

/** Readings that differ by less fit equally well. */
const MARGIN = 0.1

/**
 * Finds how a file is written: reads its start by each dialect that is possible and takes the one by which the rows have the
 * same number of fields. A file of one column has no delimiter, and is read by that of RFC 4180.
 *
 * @throws TransformError where two delimiters fit equally well
 */
export function findDialect(head: Head, given: GivenDialect, limits: Limits): Reading {
  const read = (delimiter: string) => bestStyle(delimiter, head, given, limits)
  const reading = given.delimiter === undefined ? findDelimiter(head, read) : read(given.delimiter)
  return withInitialSpace(reading, head, limits)
}

function findDelimiter(head: Head, read: (delimiter: string) => Reading): Reading {
  const usual = USUAL.filter(delimiter => head.text.includes(delimiter)).map(read)
  const [best, ...others] = usual.filter(isTable).sort((one, other) => other.score - one.score)
  if (best) {
    const rivals = others.filter(({ score }) => score > best.score - MARGIN)
    return rivals.reduce(better, best)
  }
  const rare = RARE.filter(delimiter => head.text.includes(delimiter))
    .map(read)
    .find(isCertain)
  if (rare && !usual.some(({ rows }) => (rows[0]?.fields.length ?? 0) > 1)) return rare
  const [comma] = USUAL
  // Decimal commas divide no fields.
  return read(usual.some(isOfDecimals) ? ';' : comma)
}

/** Whether the rows stand in columns by this delimiter. One that the header does not have has to be in most of the rows. */
function isTable({ rows, width, fitting, single, dialect }: Reading): boolean {
  if (width < 2) return false
  if (rows[0]?.fields.length !== 1) return true
  return fitting > single && !(dialect.delimiter === ',' && isOfDecimals({ rows }))
}

/** Whether the commas below a header of one column are all those of numbers, as half of Europe writes them. */
function isOfDecimals({ rows }: Pick<Reading, 'rows'>): boolean {
  const [header, ...others] = rows
  const divided = others.filter(({ fields }) => fields.length > 1)
  const isDecimal = ({ fields }: Row) =>
    fields.length === 2 && fields.every(field => /^\s*[-+]?\d+\s*[%€]?$/.test(field))
  return header?.fields.length === 1 && divided.length > 0 && divided.every(isDecimal)
}

/** @throws TransformError where neither is better */
function better(one: Reading, other: Reading): Reading {
  const dirt = strangers(one, other) - strangers(other, one)
  if (Math.abs(dirt) > 0.2) return dirt < 0 ? one : other
  if (one.width >= 2 * other.width) return one
  if (other.width >= 2 * one.width) return other
  const names = [one, other].map(({ dialect }) => nameOf(dialect.delimiter)).join(' and ')
  throw new TransformError(
    `The fields could stand between ${names}: both divide every line alike. Set the option delimiter to one of them.`,
  )
}

/** How many of the rows have the other delimiter where no text and no number would have it. */
function strangers({ rows }: Reading, other: Reading): number {
  const { delimiter } = other.dialect
  const natural = NATURAL[delimiter]
  const isStrange = (field: string) =>
    field.includes(delimiter) && (natural === undefined || field.replace(natural, '').includes(delimiter))
  return rows.filter(({ fields }) => fields.some(isStrange)).length / rows.length
}

const NATURAL: Readonly<Record<string, RegExp>> = { ',': /,\s|(?<=\d),(?=\d)/g, ';': /;\s/g, '|': /\s\|\s/g }

/** A name as programs give columns. In a title or a time, a colon or a blank is a part of the text. */
const NAME = /^[\p{L}_][\p{L}\p{N}_.-]*$/u

function isCertain({ dialect, rows, width, score }: Reading): boolean {
  const [header, ...others] = rows
  if (!header || others.length === 0 || width < 2 || score < 1) return false
  if (dialect.delimiter !== ':' && dialect.delimiter !== ' ') return true
  if (!header.fields.every(field => NAME.test(field))) return false
  if (dialect.delimiter === ':') return true
  // Two words are a name as often as two columns.
  return header.fields.some((_, column) => others.every(({ fields }) => isValue(fields[column] ?? '')))
}

export function nameOf(delimiter: string): string {
  return delimiter === '\t' ? 'tabs' : JSON.stringify(delimiter)
}

/** Reads by each way to quote that is possible, and takes the first that fits best. */
function bestStyle(delimiter: string, head: Head, given: GivenDialect, limits: Limits): Reading {
  const { text } = head
  const read = (style: Partial<Dialect>) => readBy({ ...RFC_4180, ...style, delimiter }, head, limits)
  function readQuoted(quote: Dialect['quote']): Reading {
    const written = given.escape ?? 'doubled'
    const reading = read({ quote, escape: written })
    const mayHaveBackslash = given.escape === undefined && delimiter !== '\\' && text.includes(`\\${quote}`)
    return mayHaveBackslash ? clearer(reading, read({ quote, escape: 'backslash' })) : reading
  }
  if (given.quote !== undefined) return given.quote === '' ? read({ quote: '' }) : readQuoted(given.quote)
  const double = readQuoted('"')
  if (/^'|[,;\t| ]'/m.test(text)) {
    const single = readQuoted("'")
    if (isQuotedThroughout(single) && single.score >= double.score) return single
  }
  // Tables without any quoting, as databases write them between tabs, have quotes as they stand: more than one, and not in
  // the header.
  const [header] = double.pieces
  const bad = double.pieces.length - double.rows.length
  const doubtful = bad + double.rows.filter(isMultiLine).length
  if (bad === 0 || doubtful < 2 || isQuotedSomewhere(double) || !header || !('fields' in header)) return double
  const none = read({ quote: '' })
  return none.score === 1 && none.width > 1 ? none : double
}

function clearer(one: Reading, other: Reading): Reading {
  return other.score > one.score ? other : one
}

/** Whether each row has fields in these quotes, and none that looks quoted otherwise: an apostrophe alone is no quote. */
function isQuotedThroughout({ pieces, rows }: Reading): boolean {
  const isQuoted = ({ quoted, isOdd, fields }: Row) =>
    quoted > 0 && !isOdd && !fields.some(field => field.startsWith('"'))
  return rows.length > 0 && rows.length === pieces.length && rows.every(isQuoted)
}

const isMultiLine = ({ fields }: Row) => fields.some(field => /[\r\n]/.test(field))

/** Whether a field within one line is in quotes. */
function isQuotedSomewhere({ rows }: Reading): boolean {
  return rows.some(row => row.quoted > 0 && !row.isOdd && !isMultiLine(row))
}

/** Where a blank stands behind every delimiter, it belongs to the delimiter. */
function withInitialSpace(reading: Reading, head: Head, limits: Limits): Reading {
  const { rows, dialect } = reading
  if (dialect.delimiter === ' ' || rows.some(({ isTight }) => isTight)) return reading
  const plain = rows.filter(({ quoted, isOdd }) => quoted === 0 && !isOdd)
  const behind = plain.flatMap(({ fields }) => fields.slice(1)).filter(field => field !== '')
  const hasBlanks = behind.length > 0 || rows.some(({ quoted, fields }) => quoted > 0 && fields.length > 1)
  return hasBlanks && behind.every(field => field.startsWith(' '))
    ? readBy({ ...dialect, skipInitialSpace: true }, head, limits)
    : reading
}
