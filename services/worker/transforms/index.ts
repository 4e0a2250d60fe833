/** `headgate/transform`: what a transform of one's own is written and tried with. See docs/writing-a-transform.md. */
export { TransformError } from '../errors.ts'
export { type RunOptions, type RunOutput, runTransform, TransformTestError } from './test-kit.ts'
export { type LinesOptions, linesOf, type TextOptions, textOf } from './text.ts'
export type {
  CreateTransform,
  Transform,
  TransformContext,
  TransformOutput,
  TransformOutputs,
  TransformUpload,
} from './transform.ts'
