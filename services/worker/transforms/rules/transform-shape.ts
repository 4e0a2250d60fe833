import type { Transform } from '../transform.ts'

const FUNCTION = 'a function'

/** Returns why a value is not a valid transform, for its author. Undefined if it is valid. */
export function shapeFault(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) {
    return `it is ${value === null ? 'null' : typeof value}, not an object`
  }
  const { name, version, apply, accepts, holds } = value as Record<keyof Transform, unknown>
  if (typeof name !== 'string' || !/^[a-z0-9][a-z0-9-]{0,63}$/.test(name)) {
    return '"name" must be 1 to 64 lower-case letters, digits and "-"'
  }
  if (typeof version !== 'string' || !/^[\x21-\x7e]{1,64}$/.test(version)) {
    return '"version" must be a string of 1 to 64 printable characters without blanks'
  }
  if (typeof apply !== 'function') return `"apply" must be ${FUNCTION}`
  if (accepts !== undefined && typeof accepts !== 'function') return `"accepts" must be ${FUNCTION}`
  if (holds !== undefined && typeof holds !== 'function') return `"holds" must be ${FUNCTION}`
  return undefined
}
