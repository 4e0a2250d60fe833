/** Longer ones are text. */
const LONGEST_VALUE = 40

const VALUES = [
  // A number, an amount of money or a share, in any country's writing.
  /^[-+(]?\s?\p{Sc}?\s?[-+]?\d[\d.,'\u00a0\u202f ]*(?:[eE][-+]?\d+)?\s?(?:\p{Sc}|%|\))?$/u,
  // A date, with or without a time.
  /^\d{1,4}[-./]\d{1,2}[-./]\d{1,4}(?:[T ,]+\d{1,2}[:.]\d.*)?$/,
  /^\d{1,2}:\d{2}(?::\d{2})?(?:[.,]\d+)?(?: ?[AaPp][Mm])?$/,
]

const YEAR = /^(?:1[89]|20|21)\d\d$/

/** Whether a field is a number, a date or a time, as values are and names of columns are not. */
export function isValue(field: string): boolean {
  const text = field.trim()
  return text !== '' && text.length <= LONGEST_VALUE && VALUES.some(pattern => pattern.test(text))
}

/** Whether a field can be the name of a column: a text, or a year. */
export function isName(field: string): boolean {
  return !isValue(field) || YEAR.test(field.trim())
}

const MAX_COLUMNS_COMPARED = 200

/**
 * Returns by how many columns a row looks more like names than like one of the rows below it: positive for a header, negative
 * for data, 0 where nothing tells. Only columns of numbers, dates and times tell. Years are names as well.
 */
export function nameScore(row: readonly string[], below: readonly (readonly string[])[]): number {
  let score = 0
  for (const [index, field] of row.slice(0, MAX_COLUMNS_COMPARED).entries()) {
    const values = below.map(fields => fields[index] ?? '').filter(value => value.trim() !== '')
    if (field.trim() === '' || values.length === 0 || !values.every(isValue)) continue
    if (!isValue(field)) score++
    else if (!isName(field)) score--
  }
  return score
}
