import type { Corpus } from './corpus.ts'
import { forms } from './forms.ts'
import { images } from './images.ts'
import { names } from './names.ts'
import { tables } from './tables.ts'
import { texts } from './texts.ts'

export const corpora: readonly Corpus[] = [images, texts, tables, forms, names]
