import { ConsumerOptionError } from './errors.ts'

/** Of a number: least, most, default. */
export type Bounds = readonly [least: number, most: number, byDefault: number]

/** @throws ConsumerOptionError where the value is given and is no integer within the bounds */
export function boundedNumber(name: string, value: unknown, [least, most, byDefault]: Bounds): number {
  if (value === undefined) return byDefault
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value
  throw wrong(name, value, `an integer from ${least} to ${most}`)
}

/** The error of an option that cannot be used, for the caller to throw. */
export function wrong(name: string, value: unknown, expected: string): ConsumerOptionError {
  return new ConsumerOptionError(`The option '${name}' is ${show(value)} but must be ${expected}.`)
}

function show(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`
  if (typeof value === 'function') return 'a function' // Its source would say nothing.
  return JSON.stringify(value) ?? String(value)
}
