import type { Invariant } from '../invariants.ts'

/** A fault to put into the sources of the consumer, and the invariants that it may break. */
export interface Mutation {
  /** The rule that the mutation removes. */
  readonly rule: string
  /** Path below services/consumer. */
  readonly file: string
  /** Occurs exactly once in the file. */
  readonly text: string
  readonly replacement: string
  readonly breaks: readonly Invariant[]
  /** The first seed, by default 1. Shortly before one that finds the mutation, so that few seeds have to run. */
  readonly from?: number
}
