/** An upload as a transform sees it before its bytes. */
export interface TransformUpload {
  /** As the object carries it, parameters included. */
  readonly contentType: string
  /** The client's name for the file; the last part of the key where none is known. */
  readonly filename: string
  readonly key: string
  /** Bytes. */
  readonly size: number
}

export interface TransformContext {
  readonly upload: TransformUpload
  /** Fires when the output is not wanted any more. Work that takes long by itself should heed it; reading the input does. */
  readonly signal: AbortSignal
}

export interface TransformOutput {
  readonly contentType: string
  readonly body: AsyncIterable<Uint8Array>
}

/**
 * Makes a processed object of an upload. The same input must always give the same output: an event may come twice, and
 * the second time must change nothing.
 */
export interface Transform {
  readonly name: string
  /** Written on every output. Raise it when the output of the same input changes. */
  readonly version: string
  accepts(upload: TransformUpload): boolean
  /**
   * Reads the input as the output is read, so that neither is ever whole in memory.
   *
   * @throws TransformError, here or out of the body, for content that it will never take; any other error is retried
   */
  apply(input: AsyncIterable<Uint8Array>, context: TransformContext): TransformOutput
}
