import { envSchema } from 'env-schema'
import type { Static, TObject } from 'typebox'
import { ConfigurationError, type ConfigurationFault } from '../errors.ts'

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
 * @param schema every variable the process reads, with its default and its bounds
 * @param env usually `process.env`
 * @returns the values, converted and frozen; variables that the schema does not name are left out
 * @throws ConfigurationError naming every variable that is missing or wrong
 */
export function loadConfig<T extends TObject>(schema: T, env: NodeJS.ProcessEnv): Readonly<Static<T>> {
  const named = Object.keys(schema.properties).filter(name => env[name] !== undefined && env[name] !== '')
  // An empty variable counts as absent: `docker compose` hands out '' for everything that the host has not set.
  const data = Object.fromEntries(named.map(name => [name, env[name]]))
  try {
    return Object.freeze(envSchema<Static<T>>({ schema, data, env: false }))
  } catch (error) {
    const errors = (error as { errors?: ValidationError[] }).errors
    if (!errors) throw error
    throw new ConfigurationError(errors.map(toFault))
  }
}

function toFault(error: ValidationError): ConfigurationFault {
  if (error.keyword === 'required') return { variable: String(error.params.missingProperty), problem: 'is required' }
  const allowed = error.params.allowedValues
  const problem = Array.isArray(allowed) ? `must be one of ${allowed.join(', ')}` : (error.message ?? 'is not valid')
  return { variable: error.instancePath.slice(1), problem }
}
