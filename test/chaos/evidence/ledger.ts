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

/** A request with a notification, as a receiver got it. */
export interface Arrival {
  /** The name of the receiver. */
  receiver: string
  id: string
  type: string
  owner: string
  uploadId: string
  status: string
  filename: string
  failureCode?: string
  /** The keys of the outputs that the message names. */
  outputKeys?: string[]
  /** Whether the signature is valid. */
  isSigned: boolean
  /** Whether the receiver answered with a status of 2xx. */
  isAccepted: boolean
}

/** Everything that receivers of notifications got. */
export interface NotificationLedger {
  /** `isHealthy`: it accepts notifications in the end. Other receivers never accept one. */
  receivers: Array<{ name: string; isHealthy: boolean }>
  /** In the order in which they arrived. */
  arrivals: Arrival[]
}

/** Everything that was sent to the pipeline, its answers, and what the pipeline sent. */
export interface Ledger {
  seed: number
  entries: LedgerEntry[]
  exits: Exit[]
  /** Missing in a run without notifications. */
  notifications?: NotificationLedger
}
