import { inspect } from 'node:util'
import type { TObject } from 'typebox'
import { Value } from 'typebox/value'
import { didYouMean } from '../../../platform/did-you-mean.ts'

type SchemaError = ReturnType<typeof Value.Errors>[number]

/** Maximum length of a value in a message. */
const MAX_VALUE_LENGTH = 60

/** Returns what is wrong with the options of a built-in transform, one sentence for each option. Empty if they are valid. */
export function optionFaults(transform: string, schema: TObject, options: unknown): string[] {
  const faults = new Map<string, string>()
  for (const error of Value.Errors(schema, options)) {
    // Each unknown option also has an error of its own.
    if (error.keyword === 'additionalProperties') continue
    const keys = error.instancePath.split('/').slice(1).map(unescapePointer)
    const name = keys.join('/')
    if (!faults.has(name)) faults.set(name, faultOf(error, { keys, name, transform, schema, options }))
  }
  return [...faults.values()]
}

interface Place {
  keys: readonly string[]
  name: string
  transform: string
  schema: TObject
  options: unknown
}

function faultOf(error: SchemaError, { keys, name, transform, schema, options }: Place): string {
  const known = Object.keys(schema.properties)
  const of = `of the transform "${transform}"`
  if (error.keyword === 'boolean') {
    if (known.length === 0) return `"${name}" is not an option ${of}, which takes no options.`
    const hint = didYouMean(name, known) || ` Its options are ${known.join(', ')}.`
    return `"${name}" is not an option ${of}.${hint}`
  }
  const value = valueAt(options, keys)
  const what = name === '' ? `The options ${of}` : `The option "${name}" ${of}`
  if (error.keyword !== 'enum') return `${what} ${error.message}, not ${show(value)}.`
  const allowed = error.params.allowedValues.map(String)
  const hint = typeof value === 'string' ? didYouMean(value, allowed) : ''
  return `${what} must be one of ${allowed.map(one => JSON.stringify(one)).join(', ')}, not ${show(value)}.${hint}`
}

function valueAt(value: unknown, keys: readonly string[]): unknown {
  return keys.reduce((inner, key) => (inner as Record<string, unknown> | undefined)?.[key], value)
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? inspect(value)
  return text.length > MAX_VALUE_LENGTH ? `${text.slice(0, MAX_VALUE_LENGTH)}…` : text
}

function unescapePointer(part: string): string {
  return part.replaceAll('~1', '/').replaceAll('~0', '~')
}
