import type { Invariant } from '../invariants.ts'

/** A mistake to make in the sources of the consumer, and the invariants of which one must find it. */
export interface Mutation {
  /** The rule that is dropped. */
  readonly rule: string
  /** Below services/consumer. */
  readonly file: string
  /** Found once in the file. */
  readonly text: string
  readonly replacement: string
  readonly breaks: readonly Invariant[]
}
