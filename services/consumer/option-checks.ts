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
 * Returns the options if they have only known names. A mistyped name would otherwise be ignored silently.
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
    if (given === undefined || name in names) continue
    throw wrong(group === undefined ? name : `${group}.${name}`, given, 'omitted: there is no option of that name')
  }
  return value
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
