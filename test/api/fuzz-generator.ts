/** JSON Schema, as far as the OpenAPI document uses it. */
export interface Schema {
  type?: string
  const?: unknown
  enum?: unknown[]
  properties?: Record<string, Schema>
  required?: string[]
  items?: Schema
  examples?: unknown[]
  pattern?: string
  minimum?: number
  maximum?: number
}

export type Random = () => number

export function pick<T>(random: Random, list: readonly T[]): T {
  if (list.length === 0) throw new Error('There is nothing to pick from')
  return list[Math.floor(random() * list.length)] as T
}

const TEXTS = [
  '',
  ' ',
  'a.txt',
  'Größe 写真 🎉.png',
  '..',
  '../../etc/passwd',
  'a\0b',
  'a\r\nb',
  '\u202e',
  '\ud800',
  '%00',
  '%zz',
  "' OR 1=1--",
  '<script>',
  '{{7*7}}',
  '__proto__',
  'constructor',
  'null',
  'true',
  '-1',
  '1e999',
  '9'.repeat(400),
  'x'.repeat(5_000),
  '{}',
  '[]',
  '"',
  '019ab3c4-0001-7abc-8def-0123456789ab',
  '019AB3C4-0001-7ABC-8DEF-0123456789AB',
  '2026-11-23T09:00:00.000Z',
  'image/png',
  'a/b; c="d"',
] as const

export const text = (random: Random): string => pick(random, TEXTS)

/** Generates a value that usually matches a schema. */
export function valueFor(schema: Schema, random: Random): unknown {
  if (random() < 0.15) return pick<unknown>(random, [null, 0, -1, 1.5, true, [], {}, text(random), [text(random)]])
  if (schema.const !== undefined) return schema.const
  if (schema.examples && random() < 0.8) return pick(random, schema.examples)
  if (schema.enum) return pick(random, schema.enum)
  if (schema.type === 'integer' || schema.type === 'number') return numberFor(schema, random)
  if (schema.type === 'boolean') return random() < 0.5
  if (schema.type === 'array')
    return Array.from({ length: Math.floor(random() * 3) }, () => valueFor(schema.items ?? {}, random))
  if (schema.type === 'object' || schema.properties) return objectFor(schema, random)
  return text(random)
}

function numberFor({ minimum = 0, maximum = 1_000 }: Schema, random: Random): number {
  return pick(random, [
    minimum,
    maximum,
    minimum - 1,
    maximum + 1,
    Math.floor(minimum + random() * (maximum - minimum)),
  ])
}

function objectFor({ properties = {}, required = [] }: Schema, random: Random): Record<string, unknown> {
  const kept = Object.entries(properties).filter(([name]) => random() < (required.includes(name) ? 0.9 : 0.5))
  const object = Object.fromEntries(kept.map(([name, schema]) => [name, valueFor(schema, random)]))
  return random() < 0.1 ? { ...object, [text(random)]: 1 } : object
}

/** Sometimes changes, removes or adds some bytes. */
export function mutated(bytes: Buffer<ArrayBuffer>, random: Random): Buffer<ArrayBuffer> {
  if (random() < 0.6 || bytes.length === 0) return bytes
  const at = Math.floor(random() * bytes.length)
  if (random() < 0.4) return bytes.subarray(0, at)
  const changed = Buffer.from(bytes)
  changed[at] = Math.floor(random() * 256)
  return random() < 0.5
    ? changed
    : Buffer.concat([changed.subarray(0, at), Buffer.from(text(random)), changed.subarray(at)])
}
