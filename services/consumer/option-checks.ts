import { ConsumerOptionError } from './errors.ts'

/** The minimum, maximum and default of a number. */
export type Bounds = readonly [min: number, max: number, defaultValue: number]

/** @throws ConsumerOptionError if the value is neither undefined nor an integer within the bounds */
export function boundedNumber(name: string, value: unknown, [min, max, defaultValue]: Bounds): number {
  if (value === undefined) return defaultValue
  if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value
  throw wrong(name, value, `an integer from ${min} to ${max}`)
}

/** Returns the error for an invalid option, for the caller to throw. */
export function wrong(name: string, value: unknown, expected: string): ConsumerOptionError {
  return new ConsumerOptionError(`The option '${name}' is ${show(value)} but must be ${expected}.`)
}

/**
 * Returns the options if they have only known names. A mistyped name would otherwise be ignored silently. The error
 * suggests the known name that is most like the unknown one.
 *
 * @param group name of the option that contains these options; undefined for the top level
 * @throws ConsumerOptionError if a name is unknown or the value is not an object
 */
export function onlyKnown<T extends object>(group: string | undefined, value: T, names: Record<keyof T, true>): T {
  if (typeof value !== 'object' || value === null) {
    if (group !== undefined) throw wrong(group, value, 'an object')
    throw new ConsumerOptionError(`The options are ${show(value)} but must be an object.`)
  }
  for (const [name, given] of Object.entries(value)) {
    if (given === undefined || Object.hasOwn(names, name)) continue
    const prefix = group === undefined ? '' : `${group}.`
    const similar = closest(name, Object.keys(names))
    const hint = similar === undefined ? '' : ` Did you mean '${prefix}${similar}'?`
    const { message } = wrong(`${prefix}${name}`, given, 'omitted: there is no option of that name')
    throw new ConsumerOptionError(message + hint)
  }
  return value
}

/**
 * Checks for the method that is used instead of the class, because a program may have several copies of the SDK.
 *
 * @throws ConsumerOptionError if the value is no client
 */
export function sdkClient(name: string, value: unknown, type: string): void {
  const isClient = typeof value === 'object' && value !== null && 'send' in value && typeof value.send === 'function'
  if (!isClient) throw wrong(name, value, `a ${type} of the AWS SDK`)
}

/** Maximum length of a name that is compared, so that a very long one costs no time. */
const MAX_COMPARED = 64

/** Returns the candidate that is most like a name: at most a third of the letters differ, or one begins with the other. */
function closest(name: string, candidates: readonly string[]): string | undefined {
  const plain = plainName(name)
  if (plain.length > MAX_COMPARED) return undefined
  const close = candidates
    .map(candidate => ({ candidate, other: plainName(candidate) }))
    .map(({ candidate, other }) => ({ candidate, other, distance: editDistance(plain, other) }))
    .filter(({ other, distance }) => {
      const shorter = Math.min(plain.length, other.length)
      if (shorter >= 3 && (plain.startsWith(other) || other.startsWith(plain))) return true
      return distance < shorter && distance <= Math.max(1, Math.floor(Math.max(plain.length, other.length) / 3))
    })
  return close.sort((a, b) => a.distance - b.distance)[0]?.candidate
}

const plainName = (name: string) => name.toLowerCase().replace(/[-_\s]/g, '')

/** Returns how many letters must be inserted, removed or replaced to turn one text into the other. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (const [row, letter] of [...a].entries()) {
    const current = [row + 1]
    for (const [column, other] of [...b].entries()) {
      const replaced = (previous[column] ?? 0) + (letter === other ? 0 : 1)
      current.push(Math.min(replaced, (previous[column + 1] ?? 0) + 1, (current[column] ?? 0) + 1))
    }
    previous = current
  }
  return previous.at(-1) ?? 0
}

function show(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`
  if (typeof value === 'function') return 'a function' // The source of a function would not help.
  // The fields of an instance may be long, circular or secret.
  if (typeof value === 'object' && value !== null && !isPlain(value)) return `an instance of ${value.constructor?.name}`
  return typeof value === 'bigint' ? `${value}n` : (JSON.stringify(value) ?? String(value))
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null || Array.isArray(value)
}
