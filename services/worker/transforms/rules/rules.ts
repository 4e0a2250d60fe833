import { ConfigurationError, type ConfigurationFault } from '../../../platform/errors.ts'
import { TransformSourceError } from '../../errors.ts'
import { builtInTransforms } from '../built-in/index.ts'
import type { Transform } from '../transform.ts'
import { createMatcher, type RoutedUpload } from './match.ts'
import { type ReadRules, readRules, ruleFault } from './read-rules.ts'
import { defaultRules, type RuleText, type SinkName } from './schema.ts'
import { createTransform, resolveModule, type TransformSource } from './transform-source.ts'

/** Which uploads a transform processes, and how. */
export interface TransformRule {
  transform: Transform
  matches(upload: RoutedUpload): boolean
  /** True if it runs in a transform process. */
  runsInProcess: boolean
  /** Returns the sink of an output. */
  sinkOf(output: string): SinkName
  /** Maximum size of an output that is written as an item, in bytes. */
  itemBytes: number
  /** Maximum total size of the outputs, as a multiple of the upload's size. Omitted: no limit. */
  maxExpansion?: number | undefined
}

/** Returns the same transform, applied in a process. */
export type InProcess = (transform: Transform, source: TransformSource, limits: TransformLimits) => Transform

export interface TransformLimits {
  /** Maximum CPU time without progress, in seconds. The maximum time is six times as long. */
  timeoutSeconds: number
}

/** Built-in transforms take less time, except for content that is made to take long. */
const BUILT_IN_TIMEOUT_SECONDS = 20
const MODULE_TIMEOUT_SECONDS = 120

const ITEM_BYTES = 64 * 1024

/** Returns a rule that gives a transform every upload that it accepts. */
export function ruleOf(transform: Transform): TransformRule {
  return { transform, matches: () => true, runsInProcess: false, sinkOf: () => 's3', itemBytes: ITEM_BYTES }
}

/** Returns the rule of an upload: the first one that matches and whose transform accepts it. */
export function chooseRule(rules: readonly TransformRule[], upload: RoutedUpload): TransformRule | undefined {
  return rules.find(({ matches, transform }) => matches(upload) && (transform.accepts?.(upload) ?? true))
}

/**
 * Loads the custom rules, and after them the default rules unless `"defaults": false` is set. Every transform is created once, so that
 * faults show at the start.
 *
 * @param text the variable `TRANSFORMS`
 * @throws ConfigurationError with the fault of every invalid rule
 */
export async function loadRules(text: string | undefined, inProcess: InProcess): Promise<readonly TransformRule[]> {
  const read = readRules(text)
  const created = await Promise.all(read.rules.map((rule, index) => createRule(rule, index, { read, inProcess })))
  const faults = created.filter(rule => 'problem' in rule)
  if (faults.length > 0) throw new ConfigurationError(faults)
  const own = created as TransformRule[]
  return read.defaults === false ? own : [...own, ...(await loadDefaultRules(inProcess))]
}

/** Loads the default rules. */
export async function loadDefaultRules(inProcess: InProcess): Promise<TransformRule[]> {
  const read = { rules: [], folder: process.cwd() }
  const created = await Promise.all(defaultRules.map((rule, index) => createRule(rule, index, { read, inProcess })))
  return created as TransformRule[]
}

async function createRule(
  rule: RuleText,
  index: number,
  { read, inProcess }: { read: ReadRules; inProcess: InProcess },
): Promise<TransformRule | ConfigurationFault> {
  const source = sourceOf(rule, read.folder)
  try {
    const transform = await createTransform(source)
    const builtIn = rule.transform === undefined ? undefined : builtInTransforms[rule.transform]
    // A custom module may do anything, so it runs in the worker's own process only if its rule says `inline`.
    const runsInProcess = !(rule.inline ?? (builtIn !== undefined && !builtIn.runsInProcess))
    const { timeoutSeconds = builtIn ? BUILT_IN_TIMEOUT_SECONDS : MODULE_TIMEOUT_SECONDS } = rule
    const { sink = 's3' } = rule
    return {
      transform: runsInProcess ? inProcess(transform, source, { timeoutSeconds }) : transform,
      matches: createMatcher({
        ...(rule.contentType !== undefined && { contentType: [rule.contentType].flat() }),
        ...(rule.filename !== undefined && { filename: [rule.filename].flat() }),
        ...(rule.encoded !== undefined && { encoded: rule.encoded }),
      }),
      runsInProcess,
      sinkOf: output => (typeof sink === 'string' ? sink : (sink[output] ?? 's3')),
      itemBytes: rule.itemBytes ?? ITEM_BYTES,
      maxExpansion: rule.maxExpansion ?? builtIn?.maxExpansion,
    }
  } catch (error) {
    if (!(error instanceof TransformSourceError)) throw error
    return ruleFault(`/rules/${index}/${error.part}`, error.message)
  }
}

function sourceOf(rule: RuleText, folder: string): TransformSource {
  const { options } = rule
  return rule.module === undefined
    ? { kind: 'built-in', name: rule.transform ?? '', options }
    : { kind: 'module', specifier: resolveModule(rule.module, folder), export: rule.export ?? 'default', options }
}
