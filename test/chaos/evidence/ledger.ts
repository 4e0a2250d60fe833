import type { Way } from '../plan/uploads.ts'

/** What is known of a file from before it was sent, as JSON can hold it. */
export interface LedgerFile {
  filename: string
  /** Bytes. */
  size: number
  /** Lower-case hex. */
  sha256: string
  /** Lower-case hex: what S3 lists of an object that was put whole. */
  md5: string
  due: { status: 'processed'; sha256: string } | { status: 'failed'; code: string }
}

/**
 * What a client was told. `accepted`: a success, and so a promise. `refused`: it is not kept, and nothing of it is.
 * `unknown`: no answer, or one that says that nobody can tell.
 */
export type Answer =
  | { outcome: 'accepted'; uploadIds: string[] }
  | { outcome: 'partly'; uploadIds: string[]; why: string }
  | { outcome: 'refused'; why: string }
  | { outcome: 'unknown'; why: string }

/** What became of asking for a deletion. `unknown`: it may have been deleted or not. */
export type Deletion = 'deleted' | 'unknown' | 'not found'

export interface LedgerEntry {
  n: number
  /** The `sub` of the user. */
  owner: string
  way: Way
  files: LedgerFile[]
  answer: Answer
  /** How often it was sent, where that was more than once: what was answered is what came last. */
  attempts?: number
  /** Of each upload that is to be deleted. */
  deletions: Record<string, Deletion>
  /** What was seen of an accepted upload right after its answer: the status of `GET /uploads/{id}`, where there was one. */
  lookedUp?: number
}

/** How a process ended that was not killed. */
export interface Exit {
  process: string
  asked: 'SIGTERM' | 'nothing'
  code: number | null
  signal: string | null
  /** Whether it had said that it serves. */
  served: boolean
}

/** Everything that was done to the pipeline, and what it said. */
export interface Ledger {
  seed: number
  entries: LedgerEntry[]
  exits: Exit[]
}
