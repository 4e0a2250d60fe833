import type { ConsumerRecord } from '../../../consumer/index.ts'
import { parseExact } from './json.ts'

export interface RecordFormat {
  /** Prints every record as bytes, even if its data is text. */
  hex: boolean
}

/** Maximum number of bytes that a line shows of data that is not text. `--hex` and `--json` show all of it. */
const MAX_BYTES_SHOWN = 256

/** Returns the line of a record for people: time, shard, partition key and data. With `hex`, a dump follows on further lines. */
export function recordText(record: ConsumerRecord, { hex }: RecordFormat): string {
  const { data, arrivedAt, shardId, partitionKey } = record
  const head = `${arrivedAt.toISOString()}  ${shardId}  ${inOneLine(partitionKey ?? '-')}`
  if (hex) return [`${head}  ${byteCount(data)}`, ...dumpLines(data)].join('\n')
  const text = textOf(data)
  if (text === undefined) return `${head}  ${bytesInOneLine(data)}`
  return `${head}  ${isJson(text) ? jsonInOneLine(text) : inOneLine(text)}`
}

/** A record in the output of `--json`. */
export interface RecordRow {
  /** ISO 8601, UTC. */
  arrivedAt: string
  shardId: string
  /** Null if the record has none. */
  partitionKey: string | null
  explicitHashKey?: string
  sequenceNumber: string
  subSequenceNumber: number
  /** How `data` represents the data of the record. */
  encoding: 'json' | 'text' | 'base64' | 'hex'
  data: unknown
}

export function recordRow(record: ConsumerRecord, { hex }: RecordFormat): RecordRow {
  const { data: bytes, arrivedAt, shardId, partitionKey, explicitHashKey, sequenceNumber, subSequenceNumber } = record
  return {
    arrivedAt: arrivedAt.toISOString(),
    shardId,
    partitionKey: partitionKey ?? null,
    ...(explicitHashKey !== undefined && { explicitHashKey }),
    sequenceNumber,
    subSequenceNumber,
    ...(hex ? { encoding: 'hex', data: bufferOf(bytes).toString('hex') } : encode(bytes)),
  }
}

function encode(bytes: Uint8Array): Pick<RecordRow, 'encoding' | 'data'> {
  const text = textOf(bytes)
  if (text === undefined) return { encoding: 'base64', data: bufferOf(bytes).toString('base64') }
  // Numbers and quoted strings are printed as text, because plain text may look like them.
  const value = /^\s*[[{]/.test(text) ? parseExact(text) : undefined
  return value === undefined ? { encoding: 'text', data: text } : { encoding: 'json', data: value }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Returns undefined for bytes that are not UTF-8. */
function textOf(data: Uint8Array): string | undefined {
  try {
    return utf8.decode(data)
  } catch (error) {
    if (error instanceof TypeError) return undefined
    throw error
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError) return false
    throw error
  }
}

/** Removes line breaks and indentation, which are never inside a JSON string. All values keep their notation. */
function jsonInOneLine(text: string): string {
  return text
    .trim()
    .replaceAll(/[\r\n][ \t\r\n]*/g, '')
    .replaceAll(/[\u007f-\u009f]/g, character => `\\u00${character.charCodeAt(0).toString(16)}`)
}

/** The remaining control characters are escaped when the line is printed. */
function inOneLine(text: string): string {
  return text.replaceAll('\n', '\\n').replaceAll('\r', '\\r')
}

function bytesInOneLine(data: Uint8Array): string {
  const shown = bufferOf(data).toString('hex', 0, MAX_BYTES_SHOWN)
  return data.byteLength > MAX_BYTES_SHOWN ? `0x${shown}… (${byteCount(data)})` : `0x${shown}`
}

function byteCount({ byteLength }: Uint8Array): string {
  return byteLength === 1 ? '1 byte' : `${byteLength} bytes`
}

const BYTES_PER_LINE = 16

/** Returns lines in the format of `hexdump -C`: an offset, 16 bytes, and the same bytes as ASCII. */
function dumpLines(data: Uint8Array): string[] {
  const bytes = bufferOf(data)
  const lines: string[] = []
  for (let start = 0; start < bytes.length; start += BYTES_PER_LINE) {
    const line = bytes.subarray(start, start + BYTES_PER_LINE)
    const pairs = Array.from(line, byte => byte.toString(16).padStart(2, '0'))
    const columns = `${pairs.slice(0, 8).join(' ').padEnd(23)}  ${pairs.slice(8).join(' ').padEnd(23)}`
    const ascii = line.toString('latin1').replaceAll(/[^\x20-\x7e]/g, '.')
    lines.push(`  ${start.toString(16).padStart(8, '0')}  ${columns}  |${ascii}|`)
  }
  return lines
}

function bufferOf(data: Uint8Array): Buffer {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength)
}
