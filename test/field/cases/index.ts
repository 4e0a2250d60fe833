import type { FieldCase } from '../field-case.ts'
import { encodings } from './encodings.ts'
import { formStructure } from './form-structure.ts'
import { forms } from './forms.ts'
import { images } from './images.ts'
import { names } from './names.ts'
import { rawBodies } from './raw-bodies.ts'
import { tables } from './tables.ts'
import { texts } from './texts.ts'
import { types } from './types.ts'

export const cases: readonly FieldCase[] = [
  ...[...forms, ...formStructure, ...rawBodies, ...names],
  ...[...texts, ...encodings, ...tables, ...images, ...types],
]
