/** How a CSV file is written. */
export interface Dialect {
  /** The character between two fields. */
  readonly delimiter: string
  /** The character around a field. Empty: no field is quoted. */
  readonly quote: '"' | "'" | ''
  /** What makes a quote inside of a quoted field a part of it: the quote itself, doubled, or a backslash before it. */
  readonly escape: 'doubled' | 'backslash'
  /** True if blanks after a delimiter are not part of the field. */
  readonly skipInitialSpace: boolean
}

/** RFC 4180. */
export const RFC_4180: Dialect = { delimiter: ',', quote: '"', escape: 'doubled', skipInitialSpace: false }
