import { type Static, type TSchema, Type } from 'typebox'
import type { Transform } from '../transform.ts'
import { copy } from './copy.ts'
import { createCsvTransform, csvOptions } from './csv/csv-to-ndjson.ts'
import { digest } from './digest.ts'
import { createGzipTransform, gzipOptions } from './gzip.ts'
import { createImageTransform, imageOptions } from './image/image.ts'
import { upperCase } from './upper-case.ts'

/** A transform that comes along. */
export interface BuiltInTransform {
  /** What its rule may set. */
  options: TSchema
  /** With options that are checked and complete. */
  create(options: unknown): Transform
  /** Computes for long, or needs memory by the input: runs in a process, unless its rule says otherwise. */
  runsInProcess?: true
  /** How many times the size of an upload its outputs may have together, unless its rule says otherwise. */
  maxExpansion: number
}

/** A table in which each value is ten times shorter than the name of its column takes half of it. */
const MAX_EXPANSION = 32

/** Pixels pack better than any text: a picture of one colour, enlarged by nothing, is hundreds of times its own size as a PNG. */
const MAX_EXPANSION_OF_IMAGES = 256

const noOptions = Type.Object({}, { additionalProperties: false })

function shipped<S extends TSchema>(options: S, create: (options: Static<S>) => Transform): BuiltInTransform {
  return { options, create: checked => create(checked as Static<S>), maxExpansion: MAX_EXPANSION }
}

/** By the names that rules know them by. */
export const builtInTransforms: Readonly<Record<string, BuiltInTransform>> = {
  'upper-case': shipped(noOptions, () => upperCase),
  image: { ...shipped(imageOptions, createImageTransform), runsInProcess: true, maxExpansion: MAX_EXPANSION_OF_IMAGES },
  'csv-to-ndjson': { ...shipped(csvOptions, createCsvTransform), runsInProcess: true },
  gzip: { ...shipped(gzipOptions, createGzipTransform), runsInProcess: true },
  digest: shipped(noOptions, () => digest),
  copy: shipped(noOptions, () => copy),
}
