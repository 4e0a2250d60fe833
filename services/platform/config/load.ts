import type { Static, TObject, TSchema } from 'typebox'
import { Errors } from 'typebox/schema'
import { ConfigurationError, type ConfigurationFault } from '../errors.ts'
import { formats } from './formats.ts'

/**
 * Reads the configuration of a process from its environment variables.
 *
 * The schema is interpreted, not compiled. Compiling it for a single use takes ten times as long.
 *
 * @param schema the variables that the process reads, with their defaults, bounds and formats
 * @param env usually `process.env`
 * @returns the converted values, frozen. Variables that the schema does not name are omitted
 * @throws ConfigurationError that names every variable that is missing or invalid
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

/** The accepted notation of numbers, by their type in the schema. */
const NUMBERS: Readonly<Record<string, RegExp>> = { integer: /^-?\d+$/, number: /^-?(?:\d+(?:\.\d*)?|\.\d+)$/ }

/** Returns the default of an unset variable, and converts numbers. Text that is not a number is returned unchanged, and fails validation. */
function readValue(property: TSchema, text: string | undefined): unknown {
  // An empty variable counts as unset: `docker compose` passes '' for every variable that the host does not set.
  if (text === undefined || text === '') return 'default' in property ? property.default : undefined
  return 'type' in property && NUMBERS[String(property.type)]?.test(text) ? Number(text) : text
}

function problemsOf(property: TSchema, value: unknown): string[] {
  // Each variable is validated separately, because TypeBox reports at most eight errors of an object.
  const [, errors] = Errors(property, value)
  const problems = errors.map(error =>
    error.keyword === 'enum' ? `must be one of ${error.params.allowedValues.join(', ')}` : error.message,
  )
  if (!('format' in property) || typeof value !== 'string') return problems
  const problem = formatOf(property.format)(value)
  return problem === undefined ? problems : [...problems, problem]
}

/** Returns the format that a schema refers to. */
function formatOf(name: unknown): (value: string) => string | undefined {
  const format = formats[String(name)]
  if (format === undefined) throw new TypeError(`There is no format ${JSON.stringify(name)}: see formats.ts.`)
  return format
}
