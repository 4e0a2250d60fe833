/** A case: a file or a request as real clients send it, and the expected result. It is plain data of a few lines. */
export interface FieldCase {
  /** A unique description of what is sent. */
  readonly what: string
  readonly send: Sent
  readonly expected: Refused | FieldFile | readonly FieldFile[]
}

/** A request to `POST /uploads`, byte by byte, or an upload in another format. */
export interface Sent {
  /** The body. Text is sent as UTF-8. */
  readonly body: string | Uint8Array
  /** Left out: the request has no Content-Type. */
  readonly contentType?: string
  /** The query parameter `filename`. Left out: the request has no query. */
  readonly filename?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Sends the body as the bytes of a tus upload, with this `Upload-Metadata`. */
  readonly tusMetadata?: string
}

/** The api responds with a problem, and nothing is stored. */
export interface Refused {
  readonly status: number
  /** The last part of the problem's `type`. */
  readonly problem: string
  /** The expected `detail`. */
  readonly detail?: RegExp
}

/** An accepted upload. Properties that are left out are not checked. */
export interface FieldFile {
  /** The bytes in the upload bucket. Text is compared as UTF-8. */
  readonly stored?: string | Uint8Array
  /** Properties of `GET /uploads/{id}` once it is processed or failed. */
  readonly upload?: Readonly<Record<string, unknown>>
  /** The name of the transform that must create the output. */
  readonly transform?: string
  /** The main output as UTF-8 text. */
  readonly text?: string
  /** The main output as newline-delimited JSON. */
  readonly rows?: readonly unknown[]
  /** The width and height of the main output, which is an image. */
  readonly image?: readonly [width: number, height: number]
  /** The names of the outputs besides the main output. */
  readonly further?: readonly string[]
  /** Patterns for further outputs, which are JSON, by name. */
  readonly outputs?: Readonly<Record<string, unknown>>
  /** The upload fails, and its reason matches. */
  readonly failed?: RegExp
}

export const isRefused = (expected: FieldCase['expected']): expected is Refused => 'problem' in expected
