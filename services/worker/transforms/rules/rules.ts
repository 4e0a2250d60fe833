import { ConfigurationError, type ConfigurationFault } from '../../../platform/errors.ts'
import { builtInTransforms } from '../built-in/index.ts'
import type { Transform } from '../transform.ts'
import { createMatcher, type RoutedUpload } from './match.ts'
import { type ReadRules, readRules, ruleFault } from './read-rules.ts'
import { defaultRules, type RuleText, type SinkName } from './schema.ts'
import { createTransform, resolveModule, type TransformSource, TransformSourceError } from './transform-source.ts'

/** Which uploads a transform has, and how. */
export interface TransformRule {
  transform: Transform
  matches(upload: RoutedUpload): boolean
  /** Whether it runs in a process, of which there are only so many. */
  runsInProcess: boolean
  /** Where an output goes. */
  sinkOf(output: string): SinkName
  /** The most bytes of an output that becomes an item. */
  itemBytes: number
  /** How many times the size of the upload its outputs may have together, in bytes. Left out: any number. */
  maxExpansion?: number | undefined
}

/** Returns the same transform, whose work is done in a process of its own. */
export type InProcess = (transform: Transform, source: TransformSource, limits: TransformLimits) => Transform

export interface TransformLimits {
  /** Seconds that a transform may compute between two signs of progress. Six times as many may pass meanwhile. */
  timeoutSeconds: number
}

/** What comes along is known to need less, but for content that was made to take long. */
const BUILT_IN_TIMEOUT_SECONDS = 20
const MODULE_TIMEOUT_SECONDS = 120

const ITEM_BYTES = 64 * 1024

/** A rule for a transform that is there already: it has every upload that the transform accepts. */
export function ruleOf(transform: Transform): TransformRule {
  return { transform, matches: () => true, runsInProcess: false, sinkOf: () => 's3', itemBytes: ITEM_BYTES }
}

/** The rule that has an upload: the first that matches and whose transform accepts it. */
export function chooseRule(rules: readonly TransformRule[], upload: RoutedUpload): TransformRule | undefined {
  return rules.find(({ matches, transform }) => matches(upload) && (transform.accepts?.(upload) ?? true))
}

/**
 * The rules of the configuration, then those that come along, unless it says `"defaults": false`. Every transform is made once,
 * so that what cannot be had is known at the start.
 *
 * @param text the variable `TRANSFORMS`
 * @throws ConfigurationError naming every rule that cannot be used
 */
export async function loadRules(text: string | undefined, inProcess: InProcess): Promise<readonly TransformRule[]> {
  const read = readRules(text)
  const created = await Promise.all(read.rules.map((rule, index) => createRule(rule, index, { read, inProcess })))
  const faults = created.filter(rule => 'problem' in rule)
  if (faults.length > 0) throw new ConfigurationError(faults)
  const own = created as TransformRule[]
  return read.defaults === false ? own : [...own, ...(await loadDefaultRules(inProcess))]
}

/** The rules that come along. */
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
    // What others wrote may do anything: it is only beside the worker's own work where its author takes that upon themselves.
    const isThreaded = !(rule.inline ?? (builtIn !== undefined && !builtIn.runsInProcess))
    const { timeoutSeconds = builtIn ? BUILT_IN_TIMEOUT_SECONDS : MODULE_TIMEOUT_SECONDS } = rule
    const { sink = 's3' } = rule
    return {
      transform: isThreaded ? inProcess(transform, source, { timeoutSeconds }) : transform,
      matches: createMatcher({
        ...(rule.contentType !== undefined && { contentType: [rule.contentType].flat() }),
        ...(rule.filename !== undefined && { filename: [rule.filename].flat() }),
        ...(rule.encoded !== undefined && { encoded: rule.encoded }),
      }),
      runsInProcess: isThreaded,
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
