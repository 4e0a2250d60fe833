import { copy } from './copy.ts'
import type { Transform, TransformUpload } from './transform.ts'
import { upperCase } from './upper-case.ts'

/** The transforms that are shipped. The first one that accepts an upload has it. */
export const shippedTransforms: readonly Transform[] = [upperCase]

/** Picks an upload's transform: the first that accepts it, `copy` where none does. */
export function pickTransform(transforms: readonly Transform[], upload: TransformUpload): Transform {
  return transforms.find(transform => transform.accepts(upload)) ?? copy
}
