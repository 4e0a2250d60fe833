import { Compile } from 'typebox/compile'
import { InvalidEventError } from '../errors.ts'
import { type BareEvent, bareEventSchema, EVENT_VERSION, fullEventSchema, type UploadEvent } from './event.ts'

// Apart from the event itself, since the api only writes events: to compile this took a hundredth of its start.
const isFull = Compile(fullEventSchema)
const isBare = Compile(bareEventSchema)

/**
 * Reads a record of the stream: an event with a version is held to that version's contract; one without is taken as
 * `{"bucket","key"}`, whatever else it carries.
 *
 * @throws InvalidEventError when it is not JSON, names no object, or is not what its version says
 */
export function decodeEvent(data: Uint8Array): UploadEvent | BareEvent {
  const value = parseJson(data)
  if (isFull.Check(value)) return value
  if (isBare.Check(value)) return { bucket: value.bucket, key: value.key }
  throw new InvalidEventError(describeFault(value))
}

/** How much of a version that is not known is shown, in UTF-16 units. */
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
    return `The event has the version ${shown(version)}, and only version ${EVENT_VERSION} is known.`
  }
  const [fault] = isFull.Errors(value)
  return `The event does not keep to version ${EVENT_VERSION}: ${fault?.instancePath ?? ''} ${fault?.message ?? ''}.`
}

/** `null` too is a version that is not known: whoever wrote it did not leave the version out. */
function shown(version: unknown): string {
  // Not as JSON: one that nests deeply enough would be an error of another kind.
  if (typeof version === 'object' && version !== null) return Array.isArray(version) ? '[…]' : '{…}'
  const text = JSON.stringify(version)
  return text.length <= MAX_SHOWN ? text : `${text.slice(0, MAX_SHOWN)}…`
}
