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
  /** The seed to begin with, 1 unless given: of a mistake that few seeds find, a little before one that does. */
  readonly from?: number
}
