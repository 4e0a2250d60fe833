import { Ajv, type ErrorObject } from 'ajv'
import type { Static, TObject } from 'typebox'
import { ConfigurationError, type ConfigurationFault } from '../errors.ts'
import { formats } from './formats.ts'

/**
 * Reads a process's configuration from its environment, once, at the edge.
 *
 * @param schema every variable the process reads, with its default, its bounds and, from `formats`, its format
 * @param env usually `process.env`
 * @returns the values, converted and frozen; variables that the schema does not name are left out
 * @throws ConfigurationError naming every variable that is missing or wrong
 */
export function loadConfig<T extends TObject>(schema: T, env: NodeJS.ProcessEnv): Readonly<Static<T>> {
  const named = Object.keys(schema.properties).filter(name => env[name] !== undefined && env[name] !== '')
  // An empty variable counts as absent: `docker compose` hands out '' for everything that the host has not set.
  const data: Record<string, unknown> = Object.fromEntries(named.map(name => [name, env[name]]))
  const validate = createAjv().compile<Static<T>>(schema)
  if (validate(data)) return Object.freeze(data)
  throw new ConfigurationError((validate.errors ?? []).map(fault => toFault(fault, env)))
}

function createAjv(): Ajv {
  return new Ajv({
    allErrors: true,
    coerceTypes: true,
    useDefaults: true,
    // The schemas are ours and every test of the configuration reads them: to hold them to JSON Schema's own would take longer at
    // every start than all the rest of this.
    meta: false,
    validateSchema: false,
    // Part of the one check, so that their faults come together with all others.
    formats: Object.fromEntries(
      Object.entries(formats).map(([name, fault]) => [name, (value: string) => fault(value) === undefined]),
    ),
  })
}

function toFault(error: ErrorObject, env: NodeJS.ProcessEnv): ConfigurationFault {
  if (error.keyword === 'required') return { variable: String(error.params.missingProperty), problem: 'is required' }
  const variable = error.instancePath.slice(1)
  return { variable, problem: problemOf(error, env[variable] ?? '') }
}

function problemOf({ keyword, message, params }: ErrorObject, value: string): string {
  if (keyword === 'format') return formats[String(params.format)]?.(value) ?? 'is not valid'
  const allowed = params.allowedValues
  return Array.isArray(allowed) ? `must be one of ${allowed.join(', ')}` : (message ?? 'is not valid')
}
