import { Ajv2020 } from 'ajv/dist/2020.js'

/**
 * Compiles a JSON Schema so that properties which it does not describe are faults, too. A receiver has to ignore these, but a test finds in
 * this way what the documentation lacks.
 *
 * @returns a function that returns the faults of a message
 */
export function strictSchema(schema: object): (message: unknown) => string[] {
  const check = new Ajv2020({ allErrors: true, strict: false }).compile(closed(schema) as object)
  return message => (check(message) ? [] : (check.errors ?? []).map(error => `${error.instancePath} ${error.message}`))
}

/** Closes every object that lists its properties with their types. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed)
  if (typeof schema !== 'object' || schema === null) return schema
  const inner = Object.fromEntries(Object.entries(schema).map(([name, value]) => [name, closed(value)]))
  return inner.type === 'object' && 'properties' in inner ? { ...inner, additionalProperties: false } : inner
}
