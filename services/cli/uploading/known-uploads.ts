import type { Headgate, Upload } from '../../client/index.ts'
import { sortedPairs } from '../../uploads/objects/client-metadata.ts'

const PAGE = 100
/** An upload with one of these statuses does not replace another upload of the same file. */
const UNUSABLE: ReadonlySet<Upload['status']> = new Set(['pending', 'failed', 'quarantined'])

/** What must be the same in an upload that replaces another one. */
export interface SameFile {
  filename: string
  /** Lower-case hex. */
  sha256: string
  /** Undefined: any. */
  metadata?: Readonly<Record<string, string>> | undefined
}

/**
 * Finds uploads of the same user by the name, the SHA-256 and perhaps the metadata of a file. It reads the list of uploads from the newest on, as far as it is
 * asked for, and at most a few times as many uploads as there are files.
 */
export class KnownUploads {
  readonly #list: AsyncGenerator<Upload, void>
  readonly #found = new Map<string, Upload>()
  readonly #maxUploads: number
  #read = 0
  #isRead = false
  #reading: Promise<void> = Promise.resolve()

  constructor(headgate: Headgate, files: number, signal: AbortSignal) {
    this.#list = headgate.list({ pageSize: PAGE, signal })
    this.#maxUploads = PAGE * (1 + Math.ceil((3 * files) / PAGE))
  }

  /** Returns the upload of a file with this content, unless it has failed, is quarantined or has not arrived. */
  async find(file: SameFile): Promise<Upload | undefined> {
    const key = keyOf(file)
    for (;;) {
      const upload = this.#found.get(key)
      if (upload || this.#isRead) return upload
      // One page is read at a time, however many files ask.
      const next = this.#reading.then(() => (this.#found.has(key) ? undefined : this.#readPage()))
      this.#reading = next
      await next
    }
  }

  async #readPage(): Promise<void> {
    for (let count = 0; count < PAGE && !this.#isRead; count++) {
      const { value: upload, done } = await this.#list.next()
      this.#read++
      this.#isRead = done === true || this.#read >= this.#maxUploads
      const sha256 = upload?.sha256 ?? upload?.announcedSha256
      if (!upload || sha256 === undefined || UNUSABLE.has(upload.status)) continue
      const { filename, metadata = {} } = upload
      for (const key of [keyOf({ filename, sha256 }), keyOf({ filename, sha256, metadata })])
        if (!this.#found.has(key)) this.#found.set(key, upload)
    }
  }
}

function keyOf({ filename, sha256, metadata }: SameFile): string {
  return JSON.stringify([sha256, filename, metadata && sortedPairs(metadata)])
}
