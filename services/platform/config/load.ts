import { envSchema } from 'env-schema'
import type { Static, TObject } from 'typebox'
import { ConfigurationError, type ConfigurationFault } from '../errors.ts'
import { formats } from './formats.ts'

/** The parts of AJV's error object that a message for people is made from. */
interface ValidationError {
  keyword: string
  instancePath: string
  message?: string
  params: Record<string, unknown>
}

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
  const data = Object.fromEntries(named.map(name => [name, env[name]]))
  try {
    return Object.freeze(envSchema<Static<T>>({ schema, data, env: false, ajv: { customOptions: withFormats } }))
  } catch (error) {
    const errors = (error as { errors?: ValidationError[] }).errors
    if (!errors) throw error
    throw new ConfigurationError(errors.map(fault => toFault(fault, env)))
  }
}

/** Part of the one check, so that their faults come together with all others. */
function withFormats<A extends { addFormat(name: string, valid: (value: string) => boolean): unknown }>(ajv: A): A {
  for (const [name, fault] of Object.entries(formats)) ajv.addFormat(name, value => fault(value) === undefined)
  return ajv
}

function toFault(error: ValidationError, env: NodeJS.ProcessEnv): ConfigurationFault {
  if (error.keyword === 'required') return { variable: String(error.params.missingProperty), problem: 'is required' }
  const variable = error.instancePath.slice(1)
  return { variable, problem: problemOf(error, env[variable] ?? '') }
}

function problemOf({ keyword, message, params }: ValidationError, value: string): string {
  if (keyword === 'format') return formats[String(params.format)]?.(value) ?? 'is not valid'
  const allowed = params.allowedValues
  return Array.isArray(allowed) ? `must be one of ${allowed.join(', ')}` : (message ?? 'is not valid')
}
