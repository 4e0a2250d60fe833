import type { Failure } from './snapshot.ts'

/** A record that could not be processed. */
export type LetterView =
  /** An object that this version cannot read. */
  | { id: string; isReadable: false }
  | {
      id: string
      isReadable: true
      code: string
      reason: string
      failedAt: number
      partitionKey: string | null
      shardId: string
      sequenceNumber: string
      bytes: number
      uploadId: string | null
      owner: string | null
      /** The name of the file that was uploaded. Null for a record that is no event of an upload. */
      filename: string | null
      redrivenAt: number | null
    }

/** One line of the list of dead letters. */
export type LettersLine =
  | { type: 'letter'; letter: LetterView }
  /** There may be more, which are not listed. */
  | { type: 'end'; isCut: boolean }
  | { type: 'failure'; failure: Failure }

/** One dead letter with its data and the chain of its errors. */
export type LetterDetail = LetterView & {
  /** Base64. */
  data: string
  /** The messages of the causes, the outermost first. */
  causes: readonly string[]
  /** Null if it is unknown or the upload was deleted. */
  uploadStatus: string | null
}

/** What a redrive or a discard did. */
export interface LetterOutcome {
  id: string
  outcome: 'redriven' | 'already redriven' | 'unreadable' | 'discarded' | 'failed'
  error?: string
}
