import { Compile } from 'typebox/compile'
import { InvalidEventError } from '../errors.ts'
import { type BareEvent, bareEventSchema, EVENT_VERSION, fullEventSchema, type UploadEvent } from './event.ts'

// Not in event.ts, because the api only writes events, and compiling these validators would slow its start.
const isFull = Compile(fullEventSchema)
const isBare = Compile(bareEventSchema)

/**
 * Decodes a record of the stream. An event with a version is validated against that version. An event without one is read as
 * `{"bucket","key"}`, and its other properties are ignored.
 *
 * @throws InvalidEventError for a record that is not JSON, names no object, or does not match its version
 */
export function decodeEvent(data: Uint8Array): UploadEvent | BareEvent {
  const value = parseJson(data)
  if (isFull.Check(value)) return value
  if (isBare.Check(value)) return { bucket: value.bucket, key: value.key }
  throw new InvalidEventError(describeFault(value))
}

/** Maximum length of an unknown version in a message, in UTF-16 units. */
const MAX_SHOWN = 40

function parseJson(data: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(data))
  } catch (cause) {
    throw new InvalidEventError('The event is not JSON.', { cause })
  }
}

function describeFault(value: unknown): string {
  if (typeof value !== 'object' || value === null) return 'The event is not a JSON object.'
  if (!Object.hasOwn(value, 'version')) return 'The event names no object: "bucket" and "key" must be strings.'
  const { version } = value as { version: unknown }
  if (version !== EVENT_VERSION) {
    return `The event has the version ${shown(version)}, but only version ${EVENT_VERSION} is supported.`
  }
  const [fault] = isFull.Errors(value)
  return `The event does not match version ${EVENT_VERSION}: ${fault?.instancePath ?? ''} ${fault?.message ?? ''}.`
}

/** Returns an unknown version, which may be any JSON value, as text. */
function shown(version: unknown): string {
  // Not as JSON: a deeply nested value would overflow the stack.
  if (typeof version === 'object' && version !== null) return Array.isArray(version) ? '[…]' : '{…}'
  const text = JSON.stringify(version)
  return text.length <= MAX_SHOWN ? text : `${text.slice(0, MAX_SHOWN)}…`
}
