import type { Output } from '../../uploads/records/record.ts'
import type { CheckedOutput } from '../transforms/outputs.ts'
import type { Provenance } from './provenance.ts'

/** What an output is written with. */
export interface SinkContext {
  provenance: Provenance
  /** Of the input that the output is made from. */
  inputBytes: number
  signal: AbortSignal
}

/**
 * Writes an output, whole or not at all. Doing it again writes the same at the same place. Resolves to what the record tells of it.
 *
 * @throws OutputTooLargeError, what the output's body throws, the signal's reason, and what the store says
 */
export type Sink = (output: CheckedOutput, context: SinkContext) => Promise<Output>
