import { MAIN_OUTPUT, MAX_OUTPUT_NAME, OUTPUT_NAME_PATTERN } from '../../uploads/records/output-names.ts'
import { InvalidOutputError, TransformError } from '../errors.ts'
import type { Transform, TransformContext, TransformOutput, TransformOutputs } from './transform.ts'

/** A validated output of a transform. */
export interface CheckedOutput extends Omit<TransformOutput, 'name' | 'body'> {
  /** `main` for the main output. */
  readonly name: string
  readonly body: AsyncIterable<Uint8Array>
}

export interface OutputLimits {
  /** Maximum total size of the outputs, as a multiple of the upload's size. Omitted: no limit. */
  readonly maxExpansion?: number | undefined
}

/** Maximum number of outputs of an upload. Its record lists all of them. */
export const MAX_OUTPUTS = 32

const NAME = new RegExp(OUTPUT_NAME_PATTERN)
const HEADER = /^[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?$/
// biome-ignore lint/suspicious/noControlCharactersInRegex: a note must not have control characters
const NOTE = /^[^\x00-\x1f\x7f]{1,255}$/u
// biome-ignore lint/suspicious/noControlCharactersInRegex: a file name must not have control characters
const FILENAME = /^[^\x00-\x1f\x7f/\\]{1,255}$/u

/**
 * Applies a transform and yields its outputs, one after another.
 *
 * @throws InvalidOutputError, TransformError, and other errors of the transform unchanged
 */
export async function* outputsOf(
  transform: Transform,
  input: AsyncIterable<Uint8Array>,
  { maxExpansion, ...context }: TransformContext & OutputLimits,
): AsyncGenerator<CheckedOutput> {
  const names = new Set<string>()
  const limit = createExpansionLimit(context.upload.size, maxExpansion)
  try {
    for await (const output of oneByOne(transform.apply(input, context))) {
      const checked = check(output, transform.name)
      if (names.has(checked.name)) throw invalid(transform.name, `returned two outputs named "${checked.name}"`)
      names.add(checked.name)
      if (names.size > MAX_OUTPUTS) throw invalid(transform.name, `returned more than ${MAX_OUTPUTS} outputs`)
      yield { ...checked, body: limit(refusing(checked.body)) }
    }
  } catch (error) {
    throw asRefusal(error)
  }
  if (!names.has(MAIN_OUTPUT)) throw invalid(transform.name, 'returned no main output: an output without a name')
}

async function* oneByOne(outputs: TransformOutputs): AsyncGenerator<TransformOutput> {
  const given = await outputs
  if (isObject(given) && Symbol.asyncIterator in given && !('body' in given)) yield* given
  else yield given as TransformOutput
}

function check(output: TransformOutput, by: string): CheckedOutput {
  if (!isObject(output)) throw invalid(by, 'returned a value that is not an output')
  const { name = MAIN_OUTPUT, contentType, contentEncoding, filename, note, body } = output
  if (output.name === MAIN_OUTPUT)
    throw invalid(by, `named an output "${MAIN_OUTPUT}": omit the name of the main output`)
  if (typeof name !== 'string' || !NAME.test(name)) {
    throw invalid(
      by,
      `named an output ${JSON.stringify(name)}: a name must be 1 to ${MAX_OUTPUT_NAME} characters of A-Za-z0-9._-`,
    )
  }
  if (!isHeader(contentType)) throw invalid(by, `returned "${name}" without a valid content type`)
  if (contentEncoding !== undefined && !isHeader(contentEncoding)) {
    throw invalid(by, `returned "${name}" with an invalid content encoding`)
  }
  if (filename !== undefined && !(typeof filename === 'string' && FILENAME.test(filename) && filename.isWellFormed())) {
    throw invalid(by, `returned "${name}" with a file name that is invalid or has over 255 characters`)
  }
  if (note !== undefined && !(typeof note === 'string' && NOTE.test(note) && note.isWellFormed())) {
    throw invalid(by, `returned "${name}" with a note that is not one line of up to 255 characters`)
  }
  return {
    name,
    contentType,
    ...(contentEncoding !== undefined && { contentEncoding }),
    ...(filename !== undefined && { filename }),
    ...(note !== undefined && { note }),
    body: chunksOf(body, name, by),
  }
}

/** Strings and byte arrays are iterable, too, but are not valid bodies. */
function chunksOf(body: unknown, name: string, by: string): AsyncIterable<Uint8Array> {
  if (isObject(body) && !ArrayBuffer.isView(body)) {
    if (Symbol.asyncIterator in body) return checkedChunks(body as AsyncIterable<unknown>, name, by)
    if (Symbol.iterator in body) return checkedChunks(body as Iterable<unknown>, name, by)
  }
  throw invalid(
    by,
    `returned "${name}" with a body that is not an iterable of byte arrays: put a single array into a list`,
  )
}

async function* checkedChunks(
  body: AsyncIterable<unknown> | Iterable<unknown>,
  name: string,
  by: string,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) {
    if (!(chunk instanceof Uint8Array)) throw invalid(by, `returned "${name}" with chunks that are not byte arrays`)
    // An empty chunk would end a stream.
    if (chunk.byteLength > 0) yield chunk
  }
}

async function* refusing(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* body
  } catch (error) {
    throw asRefusal(error)
  }
}

/** A custom transform may throw the TransformError of another copy of the package, so the code is compared. */
function asRefusal(error: unknown): unknown {
  if (error instanceof TransformError || !(error instanceof Error)) return error
  const { code } = error as { code?: unknown }
  return code === TransformError.CODE ? new TransformError(error.message, { cause: error }) : error
}

/** Bytes that the outputs of any upload may have, however small it is. The report of a tiny file is larger than the file. */
const ALWAYS_ALLOWED = 1024 ** 2

/**
 * Limits the bytes of all outputs of an upload.
 *
 * @param maxExpansion how many times `inputBytes` the outputs may have together. `undefined`: no limit
 * @returns a function that passes a body through, and throws a TransformError when the outputs are too large
 */
function createExpansionLimit(
  inputBytes: number,
  maxExpansion: number | undefined,
): (body: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array> {
  if (maxExpansion === undefined) return body => body
  const maxBytes = Math.max(ALWAYS_ALLOWED, inputBytes * maxExpansion)
  let outputBytes = 0
  return async function* limited(body) {
    for await (const chunk of body) {
      outputBytes += chunk.byteLength
      if (outputBytes > maxBytes) {
        throw new TransformError(
          `The outputs have more than ${maxBytes} bytes, the maximum for an upload of ${inputBytes} bytes: the option maxExpansion of its rule is ${maxExpansion}.`,
        )
      }
      yield chunk
    }
  }
}

function invalid(by: string, what: string): InvalidOutputError {
  return new InvalidOutputError(`The transform "${by}" ${what}.`)
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

function isHeader(value: unknown): value is string {
  return typeof value === 'string' && HEADER.test(value)
}
