import { randomBytes } from 'node:crypto'
import { Transform, type TransformCallback } from 'node:stream'
import { createFormScanner, type FormScanner } from './form-scanner.ts'
import { malformed } from './malformed.ts'
import { type PartHead, parsePartHead } from './part-head.ts'

/** A part of a form, as the guard read it. */
export interface GuardedPart {
  readonly head: PartHead
  /** Size of the content that has been passed on so far. */
  bytes: number
}

export interface FormGuardSettings {
  boundary: string
  maxFields: number
  /** Maximum number of fields and files. */
  maxParts: number
  /** Maximum size of everything but the content of files, in bytes. */
  maxOverheadBytes: number
  /** Called with every chunk of the request. */
  onChunk(chunk: Uint8Array): void
}

/**
 * Reads the structure of a form strictly, before the form parser reads it. The parser alone is not safe: it accepts every line
 * that starts with the boundary as a delimiter, and silently skips a part with invalid headers. So the guard passes the same
 * contents to the parser in a form with only one reading: its boundary is random, so that no content has it, and the headers of
 * each part have only the number of the part. The stream ends once the whole body has been read and nothing follows the last
 * part.
 *
 * If the structure is damaged, the stream fails with a ProblemError that names the place.
 */
export class FormGuard extends Transform {
  /** The headers for the parser, which replace the request's. */
  readonly headers: { readonly 'content-type': string }
  /** The parts by number, counted from 1, without the file inputs of a web page that have no file. */
  readonly parts = new Map<number, GuardedPart>()
  /** Number of file inputs of a web page that have no file. */
  unfilled = 0
  readonly #settings: FormGuardSettings
  readonly #scanner: FormScanner
  readonly #delimiter: string
  #received = 0
  #fileBytes = 0
  #fields = 0
  /** The part whose content is being read. */
  #current: GuardedPart | undefined
  /** A file with an empty name. As long as it has no bytes, it may be a file input without a file. */
  #unnamed: { part: number; head: PartHead } | undefined

  constructor(settings: FormGuardSettings) {
    super()
    this.#settings = settings
    const boundary = `headgate-${randomBytes(16).toString('hex')}`
    this.#delimiter = `--${boundary}`
    this.headers = { 'content-type': `multipart/form-data; boundary=${boundary}` }
    this.#scanner = createFormScanner(settings.boundary, {
      head: (bytes, part) => this.#begin(parsePartHead(bytes, part), part),
      content: bytes => this.#pass(bytes),
      partEnd: () => this.#end(),
    })
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, callback: TransformCallback): void {
    this.#settings.onChunk(chunk)
    this.#received += chunk.length
    this.#attempt(callback, () => {
      this.#scanner.push(chunk)
      this.#checkOverhead()
    })
  }

  override _flush(callback: TransformCallback): void {
    this.#attempt(callback, () => {
      // A request without a body is a form without parts.
      if (this.#received === 0) return
      this.#scanner.end()
      this.#checkOverhead()
      this.push(`${this.parts.size === 0 ? '' : '\r\n'}${this.#delimiter}--\r\n`)
    })
  }

  #attempt(callback: TransformCallback, work: () => void): void {
    try {
      work()
    } catch (error) {
      callback(error as Error)
      return
    }
    callback()
  }

  /** The bytes that the scanner holds back are counted too. They are a few hundred. */
  #checkOverhead(): void {
    const { maxOverheadBytes } = this.#settings
    if (this.#received - this.#fileBytes <= maxOverheadBytes) return
    throw malformed(`The form has more than ${maxOverheadBytes} bytes around its files.`)
  }

  #begin(head: PartHead, part: number): void {
    if (head.filename === '') this.#unnamed = { part, head }
    else this.#open(head, part)
  }

  #open(head: PartHead, part: number): void {
    const { maxFields, maxParts } = this.#settings
    if (!head.isFile && ++this.#fields > maxFields) throw malformed(`The form has more than ${maxFields} fields.`)
    const isFirst = this.parts.size === 0
    if (this.parts.size === maxParts) throw malformed(`The form has more than ${maxParts} parts.`)
    this.#current = { head, bytes: 0 }
    this.parts.set(part, this.#current)
    // The parser decodes a field as latin1, which keeps its bytes. `textOf` decodes them as UTF-8.
    const kind = head.isFile
      ? `; filename="${part}"\r\nContent-Type: application/octet-stream`
      : '\r\nContent-Type: text/plain; charset=latin1'
    this.push(
      `${isFirst ? '' : '\r\n'}${this.#delimiter}\r\nContent-Disposition: form-data; name="${part}"${kind}\r\n\r\n`,
    )
  }

  #pass(bytes: Buffer): void {
    if (this.#unnamed) {
      const { head, part } = this.#unnamed
      this.#unnamed = undefined
      this.#open(head, part)
    }
    const current = this.#current
    if (!current) return
    current.bytes += bytes.length
    if (current.head.isFile) this.#fileBytes += bytes.length
    this.push(bytes)
  }

  #end(): void {
    if (this.#unnamed) this.unfilled++
    this.#unnamed = undefined
    this.#current = undefined
  }
}
