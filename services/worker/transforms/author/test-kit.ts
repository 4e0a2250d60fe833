import { HeadgateError } from '../../../platform/errors.ts'
import { HEAD_BYTES } from '../../../uploads/media-types/detect-type.ts'
import { mediaTypeOf } from '../../../uploads/media-types/media-type-of.ts'
import { outputsOf } from '../outputs.ts'
import { shapeFault } from '../rules/transform-shape.ts'
import type { Transform, TransformUpload } from '../transform.ts'

/** How `runTransform` describes the upload to the transform. What is omitted is found as the worker finds it. */
export interface RunOptions extends Partial<Omit<TransformUpload, 'size'>> {
  /** Passed to the transform. Default: a signal that never fires. */
  signal?: AbortSignal
  /**
   * True to run the transform once. Otherwise it runs twice, with different chunks, and must return the same outputs.
   */
  once?: boolean
}

/** An output with all of its bytes. */
export interface RunOutput {
  /** `main` for the main output. */
  name: string
  /** Media type with parameters, as the transform gave it. */
  contentType: string
  /** The encoding of the bytes. Omitted if the transform gave none. */
  contentEncoding?: string
  /** File name for downloads. Omitted if the transform gave none. */
  filename?: string
  /** Sentence for the owner of the upload. Omitted if the transform gave none. */
  note?: string
  /** All bytes of the body. */
  bytes: Buffer
  /** As UTF-8. */
  text: string
}

/** The worker would not accept the transform. */
export class TransformTestError extends HeadgateError {
  readonly code = 'HEADGATE_TRANSFORM_TEST'
}

/** Sizes of chunks: about that of S3, and one that divides characters, rows and headers. */
const USUAL_CHUNK = 64 * 1024
const ODD_CHUNK = 7

/**
 * Runs a transform as the worker does, with the same checks. Resolves to all outputs in order.
 *
 * @param content the upload: a string is UTF-8
 * @throws errors of the transform, InvalidOutputError for an invalid output, and TransformTestError for an invalid transform or for one
 *   whose second run returns other outputs
 */
export async function runTransform(
  transform: Transform,
  content: string | Uint8Array,
  options: RunOptions = {},
): Promise<RunOutput[]> {
  const fault = shapeFault(transform)
  if (fault !== undefined) throw new TransformTestError(`The value is not a transform: ${fault}.`)
  const bytes = Buffer.from(content)
  const upload = { ...(await describe(bytes, options)), size: bytes.byteLength }
  const first = await run(transform, chunksOf(bytes, USUAL_CHUNK), upload, options.signal)
  if (options.once) return first
  // Larger chunks for large content, to limit their number.
  const odd = Math.max(ODD_CHUNK, Math.ceil(bytes.byteLength / 10_000))
  const second = await run(transform, chunksOf(bytes, odd), upload, options.signal)
  compare(first, second)
  return first
}

/** Describes the upload with the media type that the worker would find, unless the test gives another. */
async function describe(bytes: Buffer, { signal: _signal, once: _once, ...given }: RunOptions) {
  const named = { contentType: 'application/octet-stream', filename: 'file', key: 'uploads/file', ...given }
  const clues = { declared: named.contentType, filename: given.filenameGenerated ? undefined : named.filename }
  const { mediaType } = await mediaTypeOf(bytes.subarray(0, HEAD_BYTES), clues)
  return { mediaType, ...named }
}

async function run(
  transform: Transform,
  input: AsyncIterable<Uint8Array>,
  upload: TransformUpload,
  signal = new AbortController().signal,
): Promise<RunOutput[]> {
  if (transform.accepts?.(upload) === false) throw new TransformTestError('The transform does not accept this upload.')
  const outputs: RunOutput[] = []
  for await (const { body, ...head } of outputsOf(transform, input, { upload, signal })) {
    const chunks: Uint8Array[] = []
    for await (const chunk of body) chunks.push(chunk)
    const bytes = Buffer.concat(chunks)
    outputs.push({ ...head, bytes, text: bytes.toString() })
  }
  return outputs
}

async function* chunksOf(bytes: Buffer, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += size) yield bytes.subarray(at, at + size)
}

function compare(first: readonly RunOutput[], second: readonly RunOutput[]): void {
  const rule = 'A transform must return the same outputs for the same upload, however the upload is split into chunks'
  if (first.length !== second.length)
    throw new TransformTestError(`${rule}: the first run had ${first.length} outputs, the second ${second.length}.`)
  for (const [index, { bytes, text: _text, ...head }] of first.entries()) {
    const { bytes: other, text: _other, ...otherHead } = second[index] as RunOutput
    if (JSON.stringify(head) !== JSON.stringify(otherHead) || !bytes.equals(other)) {
      throw new TransformTestError(`${rule}: "${head.name}" differed in the second run.`)
    }
  }
}
