import type { UploadFormat } from '../plan/uploads.ts'

/** What is known about a file before it is sent, as JSON. */
export interface LedgerFile {
  filename: string
  /** Bytes. */
  size: number
  /** Lower-case hex. */
  sha256: string
  /** Lower-case hex: the ETag that S3 lists for an object stored by one PutObject. */
  md5: string
  due: { status: 'processed'; sha256: string } | { status: 'failed'; code: string }
}

/**
 * What a client concluded. `accepted`: a success, which is a promise. `refused`: the upload must not exist. `unknown`:
 * no answer, or one that leaves the result open.
 */
export type Answer =
  | { outcome: 'accepted'; uploadIds: string[] }
  | { outcome: 'partly'; uploadIds: string[]; why: string }
  | { outcome: 'refused'; why: string }
  | { outcome: 'unknown'; why: string }

/** The result of a requested deletion. `unknown`: the upload may or may not have been deleted. */
export type Deletion = 'deleted' | 'unknown' | 'not found'

export interface LedgerEntry {
  n: number
  /** The `sub` of the user. */
  owner: string
  format: UploadFormat
  files: LedgerFile[]
  answer: Answer
  /** Number of attempts, if there was more than one. The answer is that of the last attempt. */
  attempts?: number
  /** The deletion of each upload for which one was requested. */
  deletions: Record<string, Deletion>
  /** The status of `GET /uploads/{id}` right after an accepted upload, if it was read. */
  lookedUp?: number
}

/** How a process ended that was not killed. */
export interface Exit {
  process: string
  asked: 'SIGTERM' | 'nothing'
  code: number | null
  signal: string | null
  /** Whether the process had started to serve. */
  served: boolean
}

/** Everything that was sent to the pipeline, and its answers. */
export interface Ledger {
  seed: number
  entries: LedgerEntry[]
  exits: Exit[]
}
