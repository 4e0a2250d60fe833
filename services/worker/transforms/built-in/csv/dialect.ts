/** The dialect of a CSV file: its delimiters, quotes and escapes. */
export interface Dialect {
  /** The character between two fields. */
  readonly delimiter: string
  /** The character around quoted fields. Empty if no field is quoted. */
  readonly quote: '"' | "'" | ''
  /** How a quote inside a quoted field is escaped: by doubling it, or by a backslash before it. */
  readonly escape: 'doubled' | 'backslash'
  /** True if blanks after a delimiter do not belong to the field. */
  readonly skipInitialSpace: boolean
}

/** The dialect of RFC 4180. */
export const RFC_4180: Dialect = { delimiter: ',', quote: '"', escape: 'doubled', skipInitialSpace: false }
