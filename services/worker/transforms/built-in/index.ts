import { type Static, type TSchema, Type } from 'typebox'
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
  options: TSchema
  /** Creates the transform. The options are valid and complete. */
  create(options: unknown): Transform
  /** True if it runs in a process, unless its rule sets `inline`: it computes for long, or needs memory in proportion to the input. */
  runsInProcess?: true
  /** Maximum total size of the outputs, as a multiple of the upload. A rule may set another one. */
  maxExpansion: number
}

/** A table in which each value is ten times shorter than the name of its column takes half of it. */
const MAX_EXPANSION = 32

/** Pixels pack better than any text: a picture of one colour, enlarged by nothing, is hundreds of times its own size as a PNG. */
const MAX_EXPANSION_OF_IMAGES = 256

const noOptions = Type.Object({}, { additionalProperties: false })

function builtIn<S extends TSchema>(options: S, create: (options: Static<S>) => Transform): BuiltInTransform {
  return { options, create: checked => create(checked as Static<S>), maxExpansion: MAX_EXPANSION }
}

/** By the names that rules know them by. */
export const builtInTransforms: Readonly<Record<string, BuiltInTransform>> = {
  'upper-case': builtIn(noOptions, () => upperCase),
  image: { ...builtIn(imageOptions, createImageTransform), runsInProcess: true, maxExpansion: MAX_EXPANSION_OF_IMAGES },
  'csv-to-ndjson': { ...builtIn(csvOptions, createCsvTransform), runsInProcess: true },
  gzip: { ...builtIn(gzipOptions, createGzipTransform), runsInProcess: true },
  digest: builtIn(noOptions, () => digest),
  copy: builtIn(noOptions, () => copy),
}
