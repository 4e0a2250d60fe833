/**
 * `@headgate/transform` and `headgate/transform`: the types and helpers to write and test a custom transform. See
 * docs/tutorials/first-transform.md.
 */
export { TransformError } from '../../errors.ts'
export { type LinesOptions, linesOf, type TextOptions, textOf } from '../text.ts'
export type {
  CreateTransform,
  Transform,
  TransformContext,
  TransformOutput,
  TransformOutputs,
  TransformUpload,
} from '../transform.ts'
export { type RunOptions, type RunOutput, runTransform, TransformTestError } from './test-kit.ts'
