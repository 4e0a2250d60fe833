import { HeadgateError } from '../../../platform/errors.ts'
import { HEAD_BYTES } from '../../../uploads/media-types/detect-type.ts'
import { mediaTypeOf } from '../../../uploads/media-types/media-type-of.ts'
import { outputsOf } from '../outputs.ts'
import { shapeFault } from '../rules/transform-shape.ts'
import type { Transform, TransformUpload } from '../transform.ts'
import { observe } from './observed-run.ts'

/** The upload that `runTransform` passes to the transform. Omitted properties are determined as in the worker. */
export interface RunOptions extends Partial<Omit<TransformUpload, 'size'>> {
  /** Passed to the transform. Default: a signal that never fires. */
  signal?: AbortSignal
  /**
   * True to run the transform once. Otherwise it runs twice, with different chunks and with a clock that is more than a year ahead in the
   * second run, and must return the same outputs.
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

/** Thrown by `runTransform` if the worker would reject the transform. */
export class TransformTestError extends HeadgateError {
  readonly code = 'HEADGATE_TRANSFORM_TEST'
}

/** About the size of a chunk of S3, in bytes. */
const USUAL_CHUNK = 64 * 1024
/** Maximum number of chunks of the second run, to limit its time. Content up to this size is cut into single bytes. */
const MAX_CHUNKS = 10_000
/** How far the clock of the second run is ahead: every part of a date differs, from the year to the millisecond and the weekday. */
const SHIFT_MS = (((400 * 24 + 5) * 60 + 7) * 60 + 11) * 1_000 + 137

const RULE =
  'A transform must return the same outputs for the same upload, at any time and however the upload is split into chunks'

/**
 * Runs a transform as the worker does, with the same checks. Resolves to all outputs in order.
 *
 * The transform runs a second time, with the content in small chunks (single bytes up to 10,000 bytes) and with another time of day, and
 * must return the same outputs.
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
  const runWith = (chunk: number) => run(transform, chunksOf(bytes, chunk), upload, options.signal)
  if (options.once) return await runWith(USUAL_CHUNK)
  const { value: first, calls } = await observe(() => runWith(USUAL_CHUNK), 0)
  // Chunks of an odd number of bytes end inside of characters.
  const smallChunk = Math.ceil(bytes.byteLength / MAX_CHUNKS) | 1
  const again = await observe(() => settle(runWith(smallChunk)), SHIFT_MS)
  const cause = causeOf(new Set([...calls, ...again.calls]))
  if ('error' in again.value) {
    const { error } = again.value
    const message = error instanceof Error ? error.message : String(error)
    throw new TransformTestError(`${RULE}: the second run failed: ${message}${cause}`, { cause: error })
  }
  compare(first, again.value.outputs, cause)
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

async function settle(running: Promise<RunOutput[]>): Promise<{ outputs: RunOutput[] } | { error: unknown }> {
  try {
    return { outputs: await running }
  } catch (error) {
    return { error }
  }
}

/** Returns a sentence with the most likely reason why the second run differed. */
function causeOf(calls: ReadonlySet<string>): string {
  if (calls.size === 0) return ' The second run got the same bytes in other chunks.'
  return ` The transform called ${[...calls].join(', ')}: the outputs must not depend on the time or on random values.`
}

function compare(first: readonly RunOutput[], second: readonly RunOutput[], cause: string): void {
  if (first.length !== second.length) {
    const lengths = `the first run had ${first.length} outputs, the second ${second.length}`
    throw new TransformTestError(`${RULE}: ${lengths}.${cause}`)
  }
  for (const [index, { bytes, text: _text, ...head }] of first.entries()) {
    const { bytes: other, text: _other, ...otherHead } = second[index] as RunOutput
    if (JSON.stringify(head) !== JSON.stringify(otherHead) || !bytes.equals(other)) {
      throw new TransformTestError(`${RULE}: "${head.name}" differed in the second run.${cause}`)
    }
  }
}
