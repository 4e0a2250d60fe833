import type { FieldCase } from '../field-case.ts'
import { encodings } from './encodings.ts'
import { forms } from './forms.ts'
import { images } from './images.ts'
import { names } from './names.ts'
import { tables } from './tables.ts'
import { texts } from './texts.ts'
import { types } from './types.ts'

export const cases: readonly FieldCase[] = [...forms, ...names, ...texts, ...encodings, ...tables, ...images, ...types]
