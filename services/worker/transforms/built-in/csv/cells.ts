/** Maximum length of a value, in UTF-16 units. Longer fields are text. */
const MAX_VALUE_LENGTH = 40

const VALUES = [
  // A number, an amount of money or a percentage, in the notation of any country.
  /^[-+(]?\s?\p{Sc}?\s?[-+]?\d[\d.,'\u00a0\u202f ]*(?:[eE][-+]?\d+)?\s?(?:\p{Sc}|%|\))?$/u,
  // A date, with or without a time.
  /^\d{1,4}[-./]\d{1,2}[-./]\d{1,4}(?:[T ,]+\d{1,2}[:.]\d.*)?$/,
  /^\d{1,2}:\d{2}(?::\d{2})?(?:[.,]\d+)?(?: ?[AaPp][Mm])?$/,
]

const YEAR = /^(?:1[89]|20|21)\d\d$/

/** Returns true if a field is a number, a date or a time. Names of columns are none of these, except years. */
export function isValue(field: string): boolean {
  const text = field.trim()
  return text !== '' && text.length <= MAX_VALUE_LENGTH && VALUES.some(pattern => pattern.test(text))
}

/** Returns true if a field can be the name of a column: a text, or a year. */
export function isName(field: string): boolean {
  return !isValue(field) || YEAR.test(field.trim())
}

const MAX_COLUMNS_COMPARED = 200

/**
 * Scores how much a row looks like a header: the number of columns in which the row has a name, minus the number of columns in which it
 * has a value. Counts only columns whose fields below are all numbers, dates or times. A year counts as neither. The score is positive
 * for a header, negative for data, and 0 if undecided.
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
