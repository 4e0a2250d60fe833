import { InvalidMetadataError } from '../errors.ts'

/** What a client says about its file, by names of its own. */
export type ClientMetadata = Readonly<Record<string, string>>

/** Maximum of names and percent-encoded values, in bytes. S3 allows 2 KB for all metadata of an object, and the name of the file needs some. */
export const MAX_CLIENT_METADATA_BYTES = 1_024
const MAX_PAIRS = 32
const NAME = /^[a-z0-9][a-z0-9_-]{0,63}$/
const CONTROL = /\p{Cc}/u

/** What S3 allows for the names and values of all metadata of an object, in bytes. */
export const MAX_OBJECT_METADATA_BYTES = 2_048

/** The prefix of the names in the metadata of an object. */
const PREFIX = 'client-'

/**
 * Checks the metadata of a client.
 *
 * @returns undefined if there are no pairs
 * @throws InvalidMetadataError
 */
export function checkClientMetadata(given: Readonly<Record<string, string>>): ClientMetadata | undefined {
  const pairs = Object.entries(given)
  if (pairs.length === 0) return undefined
  if (pairs.length > MAX_PAIRS) throw fault(`has ${pairs.length} names. The maximum is ${MAX_PAIRS}.`)
  for (const [name, value] of pairs) {
    const shown = JSON.stringify(name.length > 64 ? `${name.slice(0, 64)}…` : name)
    if (!NAME.test(name)) {
      throw fault(
        `has the name ${shown}. A name has 1 to 64 lower-case letters, digits, "_" and "-", and begins with a letter or digit.`,
      )
    }
    if (value === '') throw fault(`has no value for ${shown}.`)
    // Bytes that are not UTF-8 were decoded as U+FFFD.
    if (!value.isWellFormed() || value.includes('\uFFFD') || CONTROL.test(value)) {
      throw fault(`has a control character, or bytes that are not UTF-8, in the value of ${shown}.`)
    }
  }
  const bytes = pairs.reduce((sum, [name, value]) => sum + name.length + encodeURIComponent(value).length, 0)
  if (bytes > MAX_CLIENT_METADATA_BYTES) {
    throw fault(
      `has ${bytes} bytes. The maximum is ${MAX_CLIENT_METADATA_BYTES}, counted as S3 stores them: names, and values in percent-encoding.`,
    )
  }
  return Object.fromEntries(pairs)
}

/** Returns metadata for a comparison. The order of names has no meaning, and DynamoDB returns the properties of a map in any order. */
export function sortedPairs(metadata: ClientMetadata = {}): Array<[string, string]> {
  return Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1))
}

/** Returns the metadata of a client as metadata of an object. */
export function toObjectEntries(metadata: ClientMetadata = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(metadata).map(([name, value]) => [PREFIX + name, encodeURIComponent(value)]))
}

/** Reads the metadata of a client from that of an object. Undefined if the object has none. */
export function fromObjectEntries(entries: Readonly<Record<string, string>>): ClientMetadata | undefined {
  const pairs = Object.entries(entries).flatMap(([name, value]): Array<[string, string]> => {
    const decoded = name.startsWith(PREFIX) ? decode(value) : undefined
    return decoded === undefined ? [] : [[name.slice(PREFIX.length), decoded]]
  })
  return pairs.length === 0 ? undefined : Object.fromEntries(pairs)
}

/** Returns the size of an object's metadata as S3 counts it, in bytes. */
export function sizeOfEntries(entries: Readonly<Record<string, string>>): number {
  return Object.entries(entries).reduce((sum, [name, value]) => sum + name.length + value.length, 0)
}

/** Undefined for a value that the api did not write. */
function decode(value: string): string | undefined {
  try {
    return decodeURIComponent(value)
  } catch {
    return undefined
  }
}

const fault = (what: string) => new InvalidMetadataError(`The metadata ${what}`)
