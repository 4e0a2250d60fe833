import type { Static, TObject, TSchema } from 'typebox'
import { Errors } from 'typebox/schema'
import { ConfigurationError, type ConfigurationFault } from '../errors.ts'
import { formats } from './formats.ts'

/**
 * Reads a process's configuration from its environment, once, at the edge.
 *
 * The schema is walked, not compiled: to make a function of it first, for one single use, takes ten times as long.
 *
 * @param schema every variable the process reads, text or numbers, with its default, its bounds and, from `formats`, its format
 * @param env usually `process.env`
 * @returns the values, converted and frozen; variables that the schema does not name are left out
 * @throws ConfigurationError naming every variable that is missing or wrong
 */
export function loadConfig<T extends TObject>(schema: T, env: NodeJS.ProcessEnv): Readonly<Static<T>> {
  const required: readonly string[] = schema.required ?? []
  const data: Record<string, unknown> = {}
  const faults: ConfigurationFault[] = []
  for (const [variable, property] of Object.entries<TSchema>(schema.properties)) {
    const value = readValue(property, env[variable])
    if (value !== undefined) {
      data[variable] = value
      faults.push(...problemsOf(property, value).map(problem => ({ variable, problem })))
    } else if (required.includes(variable)) faults.push({ variable, problem: 'is required' })
  }
  if (faults.length > 0) throw new ConfigurationError(faults)
  return Object.freeze(data) as Readonly<Static<T>>
}

/** How numbers are written, by the type that a schema gives them. */
const NUMBERS: Readonly<Record<string, RegExp>> = { integer: /^-?\d+$/, number: /^-?(?:\d+(?:\.\d*)?|\.\d+)$/ }

/** A variable as its schema wants it, as far as that can be done: what is no number stays the text that it is. */
function readValue(property: TSchema, text: string | undefined): unknown {
  // An empty variable counts as absent: `docker compose` hands out '' for everything that the host has not set.
  if (text === undefined || text === '') return 'default' in property ? property.default : undefined
  return 'type' in property && NUMBERS[String(property.type)]?.test(text) ? Number(text) : text
}

function problemsOf(property: TSchema, value: unknown): string[] {
  // Each for itself: of a whole object TypeBox tells no more than eight.
  const [, errors] = Errors(property, value)
  const problems = errors.map(error =>
    error.keyword === 'enum' ? `must be one of ${error.params.allowedValues.join(', ')}` : error.message,
  )
  if (!('format' in property) || typeof value !== 'string') return problems
  const problem = formatOf(property.format)(value)
  return problem === undefined ? problems : [...problems, problem]
}

/** What a schema only names. */
function formatOf(name: unknown): (value: string) => string | undefined {
  const format = formats[String(name)]
  if (format === undefined) throw new TypeError(`There is no format ${JSON.stringify(name)}: see formats.ts.`)
  return format
}
