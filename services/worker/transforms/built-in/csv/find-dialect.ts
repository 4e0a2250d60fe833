import { TransformError } from '../../../errors.ts'
import { isValue } from './cells.ts'
import { type Dialect, RFC_4180 } from './dialect.ts'
import type { Head } from './head.ts'
import { type Reading, readBy } from './reading.ts'
import type { Row } from './record-splitter.ts'

/** The parts of a dialect that are given by options or by the content type, and not detected. */
export interface GivenDialect {
  readonly delimiter?: string | undefined
  readonly quote?: Dialect['quote'] | undefined
  readonly escape?: Dialect['escape'] | undefined
}

export interface Limits {
  /** The first line that may belong to the table. */
  readonly firstLine: number
  /** Maximum length of a row, in UTF-16 units. */
  readonly maxLength: number
}

/** The delimiters of nearly all files. The first one is the default. */
const USUAL = [',', ';', '\t', '|'] as const

/** Rare delimiters. The first ones do not occur in ordinary text. The last two do, so `isCertain` demands more of them. */
const RARE = ['\x1f', '\x01', '^', '~', '¦', ':', ' '] as const

/** Readings whose scores differ by less fit equally well. */
const MARGIN = 0.1

/**
 * Detects the dialect of a file: reads its start with each possible dialect, and takes the dialect with which the rows have the same
 * number of fields. A file of one column has no delimiter, and is read with the delimiter of RFC 4180.
 *
 * @throws TransformError if two delimiters fit equally well
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
  // Decimal commas are not delimiters.
  return read(usual.some(isOfDecimals) ? ';' : comma)
}

/** Returns true if the delimiter divides the rows into columns. If the header does not contain it, most rows must contain it. */
function isTable({ rows, width, fitting, single, dialect }: Reading): boolean {
  if (width < 2) return false
  if (rows[0]?.fields.length !== 1) return true
  return fitting > single && !(dialect.delimiter === ',' && isOfDecimals({ rows }))
}

/** Returns true if the header has one column and all commas below it are decimal commas, as in many European countries. */
function isOfDecimals({ rows }: Pick<Reading, 'rows'>): boolean {
  const [header, ...others] = rows
  const divided = others.filter(({ fields }) => fields.length > 1)
  const isDecimal = ({ fields }: Row) =>
    fields.length === 2 && fields.every(field => /^\s*[-+]?\d+\s*[%€]?$/.test(field))
  return header?.fields.length === 1 && divided.length > 0 && divided.every(isDecimal)
}

/** @throws TransformError if neither reading is better */
function better(one: Reading, other: Reading): Reading {
  const difference = oddShare(one, other) - oddShare(other, one)
  if (Math.abs(difference) > 0.2) return difference < 0 ? one : other
  if (one.width >= 2 * other.width) return one
  if (other.width >= 2 * one.width) return other
  const names = [one, other].map(({ dialect }) => nameOf(dialect.delimiter)).join(' or ')
  throw new TransformError(
    `The delimiter may be ${names}, because both divide every line in the same way. Set the option delimiter to one of them.`,
  )
}

/** Returns the share of rows with the other delimiter in a place where it occurs in neither texts nor numbers. */
function oddShare({ rows }: Reading, other: Reading): number {
  const { delimiter } = other.dialect
  const natural = NATURAL[delimiter]
  const isOdd = (field: string) =>
    field.includes(delimiter) && (natural === undefined || field.replace(natural, '').includes(delimiter))
  return rows.filter(({ fields }) => fields.some(isOdd)).length / rows.length
}

/** How each delimiter occurs in texts and numbers. */
const NATURAL: Readonly<Record<string, RegExp>> = { ',': /,\s|(?<=\d),(?=\d)/g, ';': /;\s/g, '|': /\s\|\s/g }

/** A column name that a program wrote. In titles and times, a colon or a blank is part of the text. */
const NAME = /^[\p{L}_][\p{L}\p{N}_.-]*$/u

function isCertain({ dialect, rows, width, score }: Reading): boolean {
  const [header, ...others] = rows
  if (!header || others.length === 0 || width < 2 || score < 1) return false
  if (dialect.delimiter !== ':' && dialect.delimiter !== ' ') return true
  if (!header.fields.every(field => NAME.test(field))) return false
  if (dialect.delimiter === ':') return true
  // Two words in a header may be one name. A column of values shows that they are two.
  return header.fields.some((_, column) => others.every(({ fields }) => isValue(fields[column] ?? '')))
}

export function nameOf(delimiter: string): string {
  return delimiter === '\t' ? 'tabs' : JSON.stringify(delimiter)
}

/** Reads the start of a file with each possible style of quoting, and takes the first that fits best. */
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
  // In tables without quoting, such as tab-separated exports of databases, quotes are part of the text. That is assumed if several
  // rows cannot be read with quoting, and the header can.
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

/** Returns true if each row has fields in these quotes and no field in double quotes. A single apostrophe is not a quote. */
function isQuotedThroughout({ pieces, rows }: Reading): boolean {
  const isQuoted = ({ quoted, isOdd, fields }: Row) =>
    quoted > 0 && !isOdd && !fields.some(field => field.startsWith('"'))
  return rows.length > 0 && rows.length === pieces.length && rows.every(isQuoted)
}

const isMultiLine = ({ fields }: Row) => fields.some(field => /[\r\n]/.test(field))

/** Returns true if a row of a single line has a quoted field. */
function isQuotedSomewhere({ rows }: Reading): boolean {
  return rows.some(row => row.quoted > 0 && !row.isOdd && !isMultiLine(row))
}

/** Sets `skipInitialSpace` if a blank follows every delimiter. */
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
