import { createRequire } from 'node:module'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { Value } from 'typebox/value'
import { HeadgateError } from '../../../platform/errors.ts'
import { builtInTransforms } from '../built-in/index.ts'
import type { CreateTransform, Transform } from '../transform.ts'
import { shapeFault } from './transform-shape.ts'

/** Where a transform comes from. It is plain data, so that a process can create the same transform. */
export type TransformSource =
  | { kind: 'built-in'; name: string; options: unknown }
  | { kind: 'module'; specifier: string; export: string; options: unknown }

/** The transform of a rule can't be created. `part` is the part of the rule at fault, and the message says what to do. */
export class TransformSourceError extends HeadgateError {
  readonly code = 'HEADGATE_TRANSFORM_SOURCE'
  readonly part: 'module' | 'export' | 'options'

  constructor(part: TransformSourceError['part'], message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.part = part
  }
}

/** @throws TransformSourceError */
export async function createTransform(source: TransformSource): Promise<Transform> {
  if (source.kind === 'module') return createOwn(source)
  const builtIn = builtInTransforms[source.name]
  if (!builtIn) throw new TransformSourceError('module', `there is no transform "${source.name}"`)
  const options = Value.Default(builtIn.options, Value.Clone(source.options ?? {}))
  if (!Value.Check(builtIn.options, options)) {
    const [fault] = Value.Errors(builtIn.options, options)
    const where = fault?.instancePath ? `${fault.instancePath.slice(1)} ` : ''
    throw new TransformSourceError('options', `${where}${fault?.message ?? 'is not valid'} ("${source.name}")`)
  }
  return builtIn.create(options)
}

/**
 * Resolves the module of a rule. A path starts at the folder. A package is searched from the folder upward, and then from Headgate
 * itself.
 */
export function resolveModule(specifier: string, folder: string): string {
  if (specifier.startsWith('file:')) return specifier
  if (/^\.{1,2}(?:\/|$)/.test(specifier) || path.isAbsolute(specifier)) {
    return pathToFileURL(path.resolve(folder, specifier)).href
  }
  try {
    return pathToFileURL(createRequire(path.join(folder, 'rules.json')).resolve(specifier)).href
  } catch {
    // The package is missing, or has no `require` export. The import reports which.
    return specifier
  }
}

async function createOwn({
  specifier,
  export: name,
  options,
}: TransformSource & { kind: 'module' }): Promise<Transform> {
  const exports = await importModule(specifier)
  if (!(name in exports)) {
    const there = Object.keys(exports).join(', ') || 'nothing'
    throw new TransformSourceError('export', `${specifier} has no export "${name}". It has: ${there}`)
  }
  const exported = exports[name]
  const created =
    typeof exported === 'function' ? await create(exported as CreateTransform, specifier, options) : exported
  const fault = shapeFault(created)
  if (fault === undefined) return created as Transform
  const what = typeof exported === 'function' ? `the result of "${name}" of ${specifier}` : `"${name}" of ${specifier}`
  throw new TransformSourceError('export', `${what} is not a transform: ${fault}`)
}

async function importModule(specifier: string): Promise<Record<string, unknown>> {
  try {
    return (await import(specifier)) as Record<string, unknown>
  } catch (cause) {
    throw new TransformSourceError('module', `${specifier} cannot be loaded: ${messageOf(cause)}`, { cause })
  }
}

async function create(factory: CreateTransform, specifier: string, options: unknown): Promise<unknown> {
  try {
    return await factory(options)
  } catch (cause) {
    throw new TransformSourceError('options', `${specifier} rejected the options: ${messageOf(cause)}`, { cause })
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
