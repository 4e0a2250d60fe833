import { HeadgateError } from '../../platform/errors.ts'
import { HEAD_BYTES } from '../../uploads/media-types/detect-type.ts'
import { mediaTypeOf } from '../../uploads/media-types/media-type-of.ts'
import { outputsOf } from './outputs.ts'
import { shapeFault } from './rules/transform-shape.ts'
import type { Transform, TransformUpload } from './transform.ts'

export interface RunOptions extends Partial<Omit<TransformUpload, 'size'>> {
  signal?: AbortSignal
  /** Run it once. Otherwise it runs again, on the same bytes cut into other chunks, and has to give the same. */
  once?: boolean
}

/** An output, whole. */
export interface RunOutput {
  /** `main` for the main one. */
  name: string
  contentType: string
  contentEncoding?: string
  filename?: string
  note?: string
  bytes: Buffer
  /** As UTF-8. */
  text: string
}

/** A transform is not what the worker would take. */
export class TransformTestError extends HeadgateError {
  readonly code = 'HEADGATE_TRANSFORM_TEST'
}

/** What S3 gives at a time, about; and what no character, row or header keeps to. */
const USUAL_CHUNK = 64 * 1024
const ODD_CHUNK = 7

/**
 * Runs a transform as the worker does, with its checks, and gives all outputs in their order.
 *
 * @param content the upload: a string is UTF-8
 * @throws what the transform throws; InvalidOutputError for what can be no output; TransformTestError for what is no transform,
 *   and for one that gives something else the second time
 */
export async function runTransform(
  transform: Transform,
  content: string | Uint8Array,
  options: RunOptions = {},
): Promise<RunOutput[]> {
  const fault = shapeFault(transform)
  if (fault !== undefined) throw new TransformTestError(`This is no transform: ${fault}.`)
  const bytes = Buffer.from(content)
  const upload = { ...(await describe(bytes, options)), size: bytes.byteLength }
  const first = await run(transform, chunksOf(bytes, USUAL_CHUNK), upload, options.signal)
  if (options.once) return first
  // Of what is large in pieces that are not so many.
  const odd = Math.max(ODD_CHUNK, Math.ceil(bytes.byteLength / 10_000))
  const second = await run(transform, chunksOf(bytes, odd), upload, options.signal)
  compare(first, second)
  return first
}

/** With the media type that the worker would find, unless a test says another. */
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
  const said = 'The same upload has to give the same outputs, however it is cut into chunks'
  if (first.length !== second.length)
    throw new TransformTestError(`${said}: there were ${first.length}, then ${second.length}.`)
  for (const [index, { bytes, text: _text, ...head }] of first.entries()) {
    const { bytes: other, text: _other, ...otherHead } = second[index] as RunOutput
    if (JSON.stringify(head) !== JSON.stringify(otherHead) || !bytes.equals(other)) {
      throw new TransformTestError(`${said}: "${head.name}" was another the second time.`)
    }
  }
}
