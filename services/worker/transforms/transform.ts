/** An upload as a transform sees it before its bytes. */
export interface TransformUpload {
  /** As the client has declared it and the object carries it, parameters included. It may be wrong, malformed, or say nothing. */
  readonly contentType: string
  /**
   * What the file is, as far as that can be told: by its first bytes, else by its declared type, else by its name. Without parameters,
   * in lower case, by its usual name: `image/jpeg` also for what is declared as `image/pjpeg`.
   */
  readonly mediaType: string
  /** What the content is encoded in besides, `gzip` for instance. Left out for plain content. */
  readonly contentEncoding?: string
  /** The client's name for the file; the last part of the key where none is known. */
  readonly filename: string
  /** True where the client gave no name and the service made up `filename`: it says nothing about the file. */
  readonly filenameGenerated?: true
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
  /**
   * Left out: the main output, which every upload has exactly one of. A further one has a name of its own, up to 64 letters,
   * digits, `.`, `_` and `-`.
   */
  readonly name?: string
  readonly contentType: string
  readonly contentEncoding?: string
  /** What it is to be saved as. Left out: the main one as the upload is, another by its name. */
  readonly filename?: string
  /**
   * A sentence that the owner should read with the output, such as "The image is cut off." It is shown with the upload. One
   * line of up to 255 characters.
   */
  readonly note?: string
  /** Read once, in order, and no faster than what it is written to takes it. */
  readonly body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>
}

/**
 * One output, or several, one after another: the next is asked for when the one before is written. So the input can be read
 * by one of them, and what was seen on the way be told in another.
 */
export type TransformOutputs = TransformOutput | Promise<TransformOutput> | AsyncIterable<TransformOutput>

/**
 * Makes processed objects of an upload. The same input must always give the same output, however it is cut into chunks: an
 * event may come twice, and the second time must change nothing.
 */
export interface Transform {
  /** Up to 64 lower-case letters, digits and `-`. */
  readonly name: string
  /** Written on every output, up to 64 printable characters. Raise it when the output of the same input changes. */
  readonly version: string
  /** Whether it takes an upload that a rule would give it. Left out: all. What it does not take goes on to the next rule. */
  accepts?(upload: TransformUpload): boolean
  /** Bytes of the upload that are held at a time beyond a few chunks, where its format forces that: its turn is waited for. */
  holds?(upload: TransformUpload): number
  /**
   * Reads the input as the output is read, so that neither is ever whole in memory.
   *
   * @throws TransformError, here or out of a body, for content that it will never take; any other error is retried
   */
  apply(input: AsyncIterable<Uint8Array>, context: TransformContext): TransformOutputs
}

/** Gives the transform for the options of its rule. What it throws ends the worker's start. */
export type CreateTransform = (options: unknown) => Transform | Promise<Transform>
