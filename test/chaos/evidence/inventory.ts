/** An item of the table of uploads, as far as the checker looks at it. */
export interface FoundRecord {
  owner: string
  uploadId: string
  status?: string
  key?: string
  filename?: string
  size?: number
  sha256?: string
  processedKey?: string
  /** The keys of its outputs besides the main one. */
  furtherKeys?: string[]
  failureCode?: string
  /** It has a mark in the outbox still. */
  isMarked: boolean
}

export interface FoundObject {
  key: string
  size: number
  /** Of S3: the MD5 in hex of what was put whole. */
  etag: string
}

export interface FoundResult {
  key: string
  sha256: string
  /** Of its metadata. */
  uploadId: string | undefined
}

export interface FoundLetter {
  key: string
  uploadId: string | undefined
  code: string
}

/** Everything that there is when all has come to rest. */
export interface Inventory {
  records: FoundRecord[]
  /** In the bucket of uploads. */
  sources: FoundObject[]
  /** In the bucket of processed objects, but for dead letters. */
  results: FoundResult[]
  letters: FoundLetter[]
  /** The ids of the uploads that there is an event of on the stream. */
  published: string[]
}
