import { randomUUID } from 'node:crypto'
import { HeadgateError } from '../../../platform/errors.ts'
import { parseExact, scalarText } from './json.ts'

/** A record to put, from a line of the input or from the whole input. */
export interface InputRecord {
  /** The number of the line, from 1. Undefined if the whole input is the record. */
  line: number | undefined
  data: Buffer
  partitionKey: string
}

/** A record of the input cannot be put. The message names the line. */
export class InvalidInputError extends HeadgateError {
  readonly code = 'HEADGATE_INVALID_INPUT'
}

export interface InputSettings {
  /** The whole input is one record. Otherwise each line is one. */
  whole: boolean
  /** The partition key of every record. */
  key: string | undefined
  /** The property of each line, a JSON object, that has the partition key. With neither, keys are random. */
  keyField: string | undefined
  /** Resolves to the maximum bytes of a record of the stream. Called only for a record over 1 MiB, which every stream accepts. */
  maxRecordBytes(): Promise<number>
}

export const MIB = 1024 ** 2

/** The maximum that a stream can be set to: https://docs.aws.amazon.com/streams/latest/dev/large-records.html */
const MAX_RECORD_BYTES = 10 * MIB

/** https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecordsRequestEntry.html */
const MAX_KEY_CHARACTERS = 256

/**
 * Yields the records of an input. Empty lines are skipped, and a carriage return before the line feed is removed.
 *
 * @throws InvalidInputError for a record that is too large or has no valid key
 */
export async function* inputRecords(
  input: AsyncIterable<Buffer>,
  settings: InputSettings,
): AsyncGenerator<InputRecord, void> {
  for await (const { line, data } of settings.whole ? wholeInput(input) : lines(input)) {
    const partitionKey = keyOf(data, line, settings)
    const bytes = data.byteLength + Buffer.byteLength(partitionKey)
    if (bytes > MIB) {
      const limit = await settings.maxRecordBytes()
      if (bytes > limit) throw tooLarge(line, `${bytes}`, limit)
    }
    yield { line, data, partitionKey }
  }
}

type Piece = Pick<InputRecord, 'line' | 'data'>

async function* wholeInput(input: AsyncIterable<Buffer>): AsyncGenerator<Piece, void> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of input) {
    chunks.push(chunk)
    bytes += chunk.byteLength
    if (bytes > MAX_RECORD_BYTES) throw tooLarge(undefined, OVER_MAX, MAX_RECORD_BYTES)
  }
  yield { line: undefined, data: Buffer.concat(chunks) }
}

const LINE_FEED = 0x0a
const CARRIAGE_RETURN = 0x0d

/** Splits bytes and not text, because a line may have any encoding. */
async function* lines(input: AsyncIterable<Buffer>): AsyncGenerator<Piece, void> {
  let line = 1
  /** The beginning of a line whose end has not been read. */
  let begun: Buffer[] = []
  let begunBytes = 0
  for await (const chunk of input) {
    let start = 0
    for (let end = chunk.indexOf(LINE_FEED); end !== -1; end = chunk.indexOf(LINE_FEED, start)) {
      const data = withoutReturn(Buffer.concat([...begun, chunk.subarray(start, end)]))
      if (data.byteLength > 0) yield { line, data }
      begun = []
      begunBytes = 0
      line++
      start = end + 1
    }
    begun.push(chunk.subarray(start))
    begunBytes += chunk.byteLength - start
    if (begunBytes > MAX_RECORD_BYTES) throw tooLarge(line, OVER_MAX, MAX_RECORD_BYTES)
  }
  if (begunBytes > 0) yield { line, data: Buffer.concat(begun) }
}

function withoutReturn(line: Buffer): Buffer {
  return line.at(-1) === CARRIAGE_RETURN ? line.subarray(0, -1) : line
}

/** @throws InvalidInputError */
function keyOf(data: Buffer, line: number | undefined, { key, keyField }: InputSettings): string {
  if (key !== undefined) return key
  if (keyField === undefined) return randomUUID()
  const value = parseExact(data.toString())
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new InvalidInputError(`${nameOf(line)} is not a JSON object, so --key-field '${keyField}' finds no key.`)
  }
  const found = Object.hasOwn(value, keyField) ? scalarText(Reflect.get(value, keyField)) : undefined
  if (found === undefined) {
    throw new InvalidInputError(`${nameOf(line)} has no string, number or boolean '${keyField}' for its partition key.`)
  }
  if (!isValidKey(found)) {
    throw new InvalidInputError(
      `${nameOf(line)} has a '${keyField}' with ${found.length} characters, but a partition key has 1 to ${MAX_KEY_CHARACTERS}.`,
    )
  }
  return found
}

export function isValidKey(key: string): boolean {
  return key.length >= 1 && key.length <= MAX_KEY_CHARACTERS
}

/** The size of a record that is not read any further. */
const OVER_MAX = `more than ${MAX_RECORD_BYTES}`

function tooLarge(line: number | undefined, bytes: string, limit: number): InvalidInputError {
  const reason =
    limit < MAX_RECORD_BYTES
      ? `but the maximum record size of the stream is ${limit}. Raise it in the settings of the stream, up to 10 MiB, or make the record smaller.`
      : `but no stream accepts a record of more than ${MAX_RECORD_BYTES}.`
  return new InvalidInputError(`${nameOf(line)} has ${bytes} bytes with its partition key, ${reason}`)
}

function nameOf(line: number | undefined): string {
  return line === undefined ? 'The input' : `Line ${line}`
}
