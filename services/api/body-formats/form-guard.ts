import { randomBytes } from 'node:crypto'
import { Transform, type TransformCallback } from 'node:stream'
import { createFormScanner, type FormScanner } from './form-scanner.ts'
import { malformed } from './malformed.ts'
import { type PartHead, parsePartHead } from './part-head.ts'

/** A part of a form, as its bytes say. */
export interface GuardedPart {
  readonly head: PartHead
  /** Of the content that has passed so far. */
  bytes: number
}

export interface FormGuardSettings {
  boundary: string
  maxFields: number
  /** Fields and files. */
  maxParts: number
  /** Of everything but the content of files, in bytes. */
  maxOverheadBytes: number
  /** Called with the bytes of the request as they arrive. */
  onChunk(chunk: Uint8Array): void
}

/**
 * Stands between a request and the parser of forms. The parser takes a boundary for one wherever a line begins with it, and skips a
 * part whose headers it dislikes without a word. So the structure is read here, strictly, and the parser gets the same contents in a
 * form that it cannot read otherwise: with a boundary that no content can have, and headers that say the number of the part alone.
 * The end comes once the whole body has been read and nothing stands behind the last part.
 *
 * A form whose structure is damaged fails the stream with the ProblemError that says where.
 */
export class FormGuard extends Transform {
  /** What the parser reads instead of the request's headers. */
  readonly headers: { readonly 'content-type': string }
  /** By their number, from 1. Not the inputs of a page that have no file. */
  readonly parts = new Map<number, GuardedPart>()
  /** How many file inputs of a page had no file. */
  unfilled = 0
  readonly #settings: FormGuardSettings
  readonly #scanner: FormScanner
  readonly #delimiter: string
  #received = 0
  #fileBytes = 0
  #fields = 0
  /** The part whose content comes now. */
  #current: GuardedPart | undefined
  /** A file without a name: it may be an input without a file, as long as it has no bytes. */
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
      // A request without any body is a form without parts.
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

  /** What the scanner holds back counts as well: it is some hundred bytes. */
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
    // A field comes in latin1, so that its bytes arrive as they are. What charset they are in is read later.
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
