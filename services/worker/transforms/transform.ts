/** The description of an upload. */
export interface TransformUpload {
  /** The type that the client declared, with parameters. It may be wrong, malformed or empty. */
  readonly contentType: string
  /**
   * The type of the file, found by its first bytes, else by its declared type, else by its name. Without parameters, in lower case and by
   * its usual name: `image/jpeg` also for a declared `image/pjpeg`.
   */
  readonly mediaType: string
  /** The encoding of the content, `gzip` for example. Omitted for plain content. */
  readonly contentEncoding?: string
  /** The client's name for the file, or the last segment of the key if none is known. */
  readonly filename: string
  /** True if the client gave no name. The generated `filename` says nothing about the file. */
  readonly filenameGenerated?: true
  /** The key of the upload in S3. */
  readonly key: string
  /** Bytes. */
  readonly size: number
}

/** What a transform gets beside the input. */
export interface TransformContext {
  /** The upload that the input belongs to. */
  readonly upload: TransformUpload
  /**
   * Fires when the output is no longer needed. Reading the input stops then. Other long work should check the signal.
   */
  readonly signal: AbortSignal
}

/** An output of a transform: its bytes, and how it is stored and shown. */
export interface TransformOutput {
  /**
   * Omitted for the main output, of which every upload has exactly one. Every other output has a unique name of up to 64 letters, digits,
   * `.`, `_` and `-`.
   */
  readonly name?: string
  /** Media type with parameters, as in an HTTP header. */
  readonly contentType: string
  /** The encoding of the body, `gzip` for example. Omitted for plain content. */
  readonly contentEncoding?: string
  /** File name for downloads. By default that of the upload for the main output, and the output's name for others. */
  readonly filename?: string
  /**
   * A sentence for the owner, such as "The image is cut off." It is shown with the upload. One line of up to 255 characters.
   */
  readonly note?: string
  /** Read once and in order, as fast as it can be written. */
  readonly body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>
}

/**
 * One output, or several. The next output is requested when the one before is written. So one output can be written while the input is
 * read, and the next one can report what was found.
 */
export type TransformOutputs = TransformOutput | Promise<TransformOutput> | AsyncIterable<TransformOutput>

/**
 * Creates the outputs of an upload. The same input must always give the same outputs, whatever its chunks are: an event may be delivered
 * twice, and the second delivery must change nothing.
 */
export interface Transform {
  /** Up to 64 lower-case letters, digits and `-`. */
  readonly name: string
  /** Recorded with every output. Up to 64 printable characters. Change it when the output of the same input changes. */
  readonly version: string
  /** Returns false for an upload that the next rule should get. Omitted: accepts all. */
  accepts?(upload: TransformUpload): boolean
  /**
   * Returns how many bytes the transform holds in memory, beyond a few chunks. The upload waits until they are free.
   */
  holds?(upload: TransformUpload): number
  /**
   * Reads the input while the output is read, so that neither is held in memory as a whole.
   *
   * @throws TransformError, here or from a body, for content that it refuses for good. Any other error is retried
   */
  apply(input: AsyncIterable<Uint8Array>, context: TransformContext): TransformOutputs
}

/** Creates the transform for the options of its rule. An error ends the start of the worker. */
export type CreateTransform = (options: unknown) => Transform | Promise<Transform>
