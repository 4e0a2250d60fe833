/** A file or a request as somebody in the field sends it, and what has to come of it. Plain data: a case is a few lines. */
export interface FieldCase {
  /** What is sent, in words. Unique. */
  readonly what: string
  readonly send: Sent
  readonly expected: Refused | FieldFile | readonly FieldFile[]
}

/** A request to `POST /uploads`, to the byte, or an upload by another way. */
export interface Sent {
  /** The body. Text is sent as UTF-8. */
  readonly body: string | Uint8Array
  /** Left out: no such header is sent. */
  readonly contentType?: string
  /** The query's `filename`. Left out: there is no query. */
  readonly filename?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Sends the body as the bytes of a tus upload, with this `Upload-Metadata`. */
  readonly tusMetadata?: string
}

/** The api answers with a problem, and nothing is stored. */
export interface Refused {
  readonly status: number
  /** The last part of the problem's `type`. */
  readonly problem: string
  /** What its `detail` has to say. */
  readonly detail?: RegExp
}

/** An upload that is accepted. What is left out is not looked at. */
export interface FieldFile {
  /** The bytes in the upload bucket. Text is UTF-8. */
  readonly stored?: string | Uint8Array
  /** Properties of `GET /uploads/{id}` once it is processed or failed. */
  readonly upload?: Readonly<Record<string, unknown>>
  /** The name of the transform that has to make the output. */
  readonly transform?: string
  /** The main output as UTF-8 text. */
  readonly text?: string
  /** The main output as newline-delimited JSON. */
  readonly rows?: readonly unknown[]
  /** Width and height of the main output, which is an image. */
  readonly image?: readonly [width: number, height: number]
  /** The names of the outputs besides the main one. */
  readonly further?: readonly string[]
  /** Further outputs by their names, which are JSON, and what they have to match. */
  readonly outputs?: Readonly<Record<string, unknown>>
  /** The upload fails, and its reason matches. */
  readonly failed?: RegExp
}

export const isRefused = (expected: FieldCase['expected']): expected is Refused => 'problem' in expected
