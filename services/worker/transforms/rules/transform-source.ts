import { createRequire } from 'node:module'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { Value } from 'typebox/value'
import { didYouMean } from '../../../platform/did-you-mean.ts'
import { TransformSourceError } from '../../errors.ts'
import { builtInTransforms } from '../built-in/index.ts'
import type { CreateTransform, Transform } from '../transform.ts'
import { importModule, messageOf } from './import-module.ts'
import { optionFaults } from './option-faults.ts'
import { shapeFault } from './transform-shape.ts'

/** Where a transform comes from. It is plain data, so that a process can create the same transform. */
export type TransformSource =
  | { kind: 'built-in'; name: string; options: unknown }
  | { kind: 'module'; specifier: string; export: string; options: unknown }

/** @throws TransformSourceError */
export async function createTransform(source: TransformSource): Promise<Transform> {
  if (source.kind === 'module') return createOwn(source)
  const builtIn = builtInTransforms[source.name]
  if (!builtIn) throw new TransformSourceError('module', `there is no transform "${source.name}"`)
  const options = Value.Default(builtIn.options, Value.Clone(source.options ?? {}))
  if (!Value.Check(builtIn.options, options)) {
    throw new TransformSourceError('options', optionFaults(source.name, builtIn.options, options).join(' '))
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
    const names = Object.keys(exports)
    const hint = didYouMean(name, names)
    const there = names.join(', ') || 'nothing'
    throw new TransformSourceError(
      'export',
      `${specifier} has no export "${name}". It has: ${there}${hint && `.${hint}`}`,
    )
  }
  const exported = exports[name]
  if (options !== undefined && typeof exported === 'object' && exported !== null) {
    throw new TransformSourceError(
      'options',
      `"${name}" of ${specifier} is a transform and not a function, so it takes no options. Remove "options" from the rule, or export a function that takes the options and returns the transform`,
    )
  }
  const created =
    typeof exported === 'function' ? await create(exported as CreateTransform, specifier, options) : exported
  const fault = shapeFault(created)
  if (fault === undefined) return created as Transform
  const what = typeof exported === 'function' ? `the result of "${name}" of ${specifier}` : `"${name}" of ${specifier}`
  throw new TransformSourceError('export', `${what} is not a transform: ${fault}`)
}

async function create(factory: CreateTransform, specifier: string, options: unknown): Promise<unknown> {
  try {
    return await factory(options)
  } catch (cause) {
    throw new TransformSourceError('options', `${specifier} rejected the options: ${messageOf(cause)}`, { cause })
  }
}
