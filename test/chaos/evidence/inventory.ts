/** The fields of an upload record that the checker reads. */
export interface FoundRecord {
  owner: string
  uploadId: string
  status?: string
  key?: string
  filename?: string
  size?: number
  sha256?: string
  processedKey?: string
  /** The keys of outputs other than the main one. */
  furtherKeys?: string[]
  failureCode?: string
  /** The record still has an outbox mark. */
  isMarked: boolean
  /** The notifications that the record owes. */
  owed?: Array<{ id: string; receivers: string[] }>
}

export interface FoundObject {
  key: string
  size: number
  /** The ETag of S3: the MD5 in hex of an object stored by one PutObject. */
  etag: string
}

export interface FoundResult {
  key: string
  sha256: string
  /** From the metadata of the object. */
  uploadId: string | undefined
}

export interface FoundLetter {
  key: string
  uploadId: string | undefined
  code: string
}

/** The event of an upload on the stream. */
export interface FoundEvent {
  uploadId: string
  sequenceNumber: string
}

/** The dead letter of a notification. */
export interface FoundUndelivered {
  key: string
  /** The name of the receiver that did not get it. */
  receiver: string
  id: string
}

/** Everything that exists after the run has settled. */
export interface Inventory {
  records: FoundRecord[]
  /** Objects in the upload bucket. */
  sources: FoundObject[]
  /** Objects in the bucket of processed objects, except dead letters. */
  results: FoundResult[]
  /** Dead letters of records of the stream. */
  letters: FoundLetter[]
  /** Dead letters of notifications. */
  undelivered: FoundUndelivered[]
  /** The events on the stream. */
  events: FoundEvent[]
}
