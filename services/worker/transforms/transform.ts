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
  /** True if the client gave no name. The generated `filename` is not a hint about the type. */
  readonly filenameGenerated?: true
  /** What the client says about its file, by names of its own. Missing if it says nothing. */
  readonly metadata?: Readonly<Record<string, string>>
  /** The key of the upload in S3. */
  readonly key: string
  /** Bytes. */
  readonly size: number
}

/** The second argument of a transform: the upload, and the signal that ends the work. */
export interface TransformContext {
  /** The upload that the input belongs to. */
  readonly upload: TransformUpload
  /**
   * Aborted when the output is no longer needed. Reading the input then stops. Other long work must check the signal.
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
  /** File name for downloads. Default: the upload's file name for the main output, and the output's name for other outputs. */
  readonly filename?: string
  /**
   * A sentence for the owner, such as "The image is cut off." It is shown with the upload. One line of up to 255 characters.
   */
  readonly note?: string
  /** Read once and in order, as fast as it can be written. */
  readonly body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>
}

/**
 * One output, or several. The worker requests the next output after it has written the previous one. So the first output can be written
 * while the input is read, and a later output can contain counts that the transform collected meanwhile.
 */
export type TransformOutputs = TransformOutput | Promise<TransformOutput> | AsyncIterable<TransformOutput>

/**
 * Creates the outputs of an upload. The same input must always give the same outputs, regardless of its chunks: an event may be
 * delivered twice, and the second delivery must change nothing.
 */
export interface Transform {
  /** Up to 64 lower-case letters, digits and `-`. */
  readonly name: string
  /** Recorded with every output. Up to 64 printable characters. Change it when the output of the same input changes. */
  readonly version: string
  /** Returns false for an upload that the next matching rule should process. Omitted: accepts every upload. */
  accepts?(upload: TransformUpload): boolean
  /**
   * Returns how many bytes the transform holds in memory, beyond a few chunks. The upload waits until that much memory is free.
   */
  holds?(upload: TransformUpload): number
  /**
   * Returns the outputs. It should read the input only while the worker reads the output, so that memory holds only a few chunks.
   *
   * @throws TransformError to refuse the upload permanently, here or from a body. The worker retries after any other error
   */
  apply(input: AsyncIterable<Uint8Array>, context: TransformContext): TransformOutputs
}

/** Creates the transform for the options of its rule. If it throws, the worker does not start. */
export type CreateTransform = (options: unknown) => Transform | Promise<Transform>
