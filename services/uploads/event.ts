import { type Static, Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { InvalidEventError } from './errors.ts'

/** The version of the contract below. A change that an older worker would misread raises it. */
export const EVENT_VERSION = 1

const objectProperties = {
  bucket: Type.String({ minLength: 3, maxLength: 63 }),
  key: Type.String({ minLength: 1, maxLength: 1024 }),
}

const fullEventSchema = Type.Object({
  ...objectProperties,
  version: Type.Literal(EVENT_VERSION),
  uploadId: Type.String({ minLength: 1, maxLength: 128 }),
  userSub: Type.String({ minLength: 1, maxLength: 128 }),
  filename: Type.String({ minLength: 1, maxLength: 1024 }),
  contentType: Type.String({ minLength: 1, maxLength: 1024 }),
  size: Type.Integer({ minimum: 0, description: 'bytes' }),
  sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
  uploadedAt: Type.String({ maxLength: 64, description: 'ISO 8601, UTC' }),
  requestId: Type.String({ maxLength: 256 }),
  // Not of the first workers: they pass over what they do not know.
  traceparent: Type.Optional(Type.String({ maxLength: 256, description: 'W3C Trace Context' })),
})

const bareEventSchema = Type.Object({ ...objectProperties, version: Type.Optional(Type.Undefined()) })

/** The event that the api puts on the stream for every accepted upload. */
export type UploadEvent = Static<typeof fullEventSchema>

/** What other producers send: the object and nothing else that is relied on. */
export type BareEvent = Static<typeof bareEventSchema>

const isFull = Compile(fullEventSchema)
const isBare = Compile(bareEventSchema)

export function encodeEvent(event: UploadEvent): Uint8Array {
  return Buffer.from(JSON.stringify(event))
}

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

/** Whether an event carries the upload's whole description, or only its object. */
export function isUploadEvent(event: UploadEvent | BareEvent): event is UploadEvent {
  return event.version === EVENT_VERSION
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
