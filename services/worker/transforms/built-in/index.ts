import { type Static, type TObject, Type } from 'typebox'
import type { Transform } from '../transform.ts'
import { copy } from './copy.ts'
import { createCsvTransform, csvOptions } from './csv/csv-to-ndjson.ts'
import { digest } from './digest.ts'
import { createGzipTransform, gzipOptions } from './gzip.ts'
import { createImageTransform, imageOptions } from './image/image.ts'
import { upperCase } from './upper-case.ts'

/** A built-in transform. */
export interface BuiltInTransform {
  /** The schema of the options that a rule may set. */
  options: TObject
  /** Creates the transform. The options are valid and complete. */
  create(options: unknown): Transform
  /**
   * True if the transform runs in a separate process unless its rule sets `inline`. For transforms that compute for long or need memory
   * in proportion to the input.
   */
  runsInProcess?: true
  /** Maximum total size of the outputs, as a multiple of the upload's size. The `maxExpansion` of a rule replaces it. */
  maxExpansion: number
}

/**
 * Limits JSON made of CSV, which repeats the column names in each row. A table whose names are ten times as long as its values needs
 * half of this limit.
 */
const MAX_EXPANSION = 32

/** Limits thumbnails. An image of one color compresses so well that its PNG thumbnail can be hundreds of times larger than the file. */
const MAX_EXPANSION_OF_IMAGES = 256

const noOptions = Type.Object({}, { additionalProperties: false })

function builtIn<S extends TObject>(options: S, create: (options: Static<S>) => Transform): BuiltInTransform {
  return { options, create: checked => create(checked as Static<S>), maxExpansion: MAX_EXPANSION }
}

/** The built-in transforms by the names that rules use. */
export const builtInTransforms: Readonly<Record<string, BuiltInTransform>> = {
  'upper-case': builtIn(noOptions, () => upperCase),
  image: { ...builtIn(imageOptions, createImageTransform), runsInProcess: true, maxExpansion: MAX_EXPANSION_OF_IMAGES },
  'csv-to-ndjson': { ...builtIn(csvOptions, createCsvTransform), runsInProcess: true },
  gzip: { ...builtIn(gzipOptions, createGzipTransform), runsInProcess: true },
  digest: builtIn(noOptions, () => digest),
  copy: builtIn(noOptions, () => copy),
}
