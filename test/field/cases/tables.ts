import type { FieldCase } from '../field-case.ts'
import { delimiters } from './table-delimiters.ts'
import { headers } from './table-headers.ts'
import { programs } from './table-programs.ts'
import { quoting } from './table-quoting.ts'

/** CSV as programs and people write it. */
export const tables: readonly FieldCase[] = [...delimiters, ...quoting, ...headers, ...programs]
