import type { TObject } from 'typebox'
import { Value } from 'typebox/value'
import { readJsonOrFile } from '../../../platform/config/json-or-file.ts'
import { didYouMean } from '../../../platform/did-you-mean.ts'
import { ConfigurationError, type ConfigurationFault } from '../../../platform/errors.ts'
import { builtInTransforms } from '../built-in/index.ts'
import { type RulesText, ruleSchema, rulesSchema } from './schema.ts'

const VARIABLE = 'TRANSFORMS'

export interface ReadRules extends RulesText {
  /** Relative paths in the rules start here. */
  folder: string
}

/**
 * Reads custom rules from JSON, or from the JSON file at a path. Returns no rules if `text` is undefined or blank.
 *
 * @throws ConfigurationError with every fault
 */
export function readRules(text: string | undefined, cwd = process.cwd()): ReadRules {
  if (text === undefined || text.trim() === '') return { rules: [], folder: cwd }
  const { value, folder } = readJsonOrFile(VARIABLE, text, cwd)
  return { ...check(value), folder }
}

export function ruleFault(place: string, problem: string): ConfigurationFault {
  return { variable: VARIABLE, problem: `${place}: ${problem}` }
}

function check(value: unknown): RulesText {
  const listed: unknown = (value as { rules?: unknown } | null)?.rules
  const rules = Array.isArray(listed) ? listed : []
  const faults = [
    ...faultsOf(rulesSchema, value, ''),
    ...rules.flatMap((rule, index) => ruleFaults(rule, `/rules/${index}`)),
  ]
  if (faults.length > 0) throw new ConfigurationError(faults)
  return value as RulesText
}

function ruleFaults(rule: unknown, place: string): ConfigurationFault[] {
  if (!Value.Check(ruleSchema, rule)) return faultsOf(ruleSchema, rule, place)
  if ((rule.transform === undefined) === (rule.module === undefined)) {
    return [ruleFault(place, 'a rule must name either a built-in "transform" or a "module" of your own')]
  }
  if (rule.export !== undefined && rule.module === undefined) return [ruleFault(place, '"export" needs a "module"')]
  const isUnlimited = rule.inline === true && rule.timeoutSeconds !== undefined
  return isUnlimited
    ? [ruleFault(place, '"timeoutSeconds" cannot be enforced if "inline" is true: remove one of them')]
    : []
}

/** Messages for parts of a rule whose schema error would be unclear: patterns and alternatives. */
const EXPECTED: Readonly<Record<string, string>> = {
  contentType: 'must be a media type such as "text/csv" or "image/*", "*" for any, or a list of them',
  filename: 'must be a name with wildcards such as "*.log", or a list of them',
  thread:
    'is no longer a setting: remove it, because every "module" now runs in a process of its own. Replace "thread": false with "inline": true',
  sink: 'must be "s3" or "dynamodb", or one of them for each output by its name',
}

function expectedTransform(rule: unknown): string {
  const names = Object.keys(builtInTransforms)
  const { transform } = rule as { transform?: unknown }
  const hint = typeof transform === 'string' ? didYouMean(transform, names) : ''
  return `must be one of ${names.join(', ')}${hint && `.${hint}`}`
}

/** Returns one fault for each place. */
function faultsOf(schema: TObject, value: unknown, place: string): ConfigurationFault[] {
  const faults = new Map<string, string>()
  for (const { keyword, instancePath, message } of Value.Errors(schema, value)) {
    // Each additional property also has its own error.
    if (keyword === 'additionalProperties') continue
    const [, part = ''] = instancePath.split('/')
    const at = part in EXPECTED || part === 'transform' ? `/${part}` : instancePath
    const settings = Object.keys(schema.properties)
    const unknown = () =>
      `is not a setting.${didYouMean(part, settings) || ` The settings are ${settings.join(', ')}.`}`
    const expected = part === 'transform' ? expectedTransform(value) : EXPECTED[part]
    const problem = expected ?? (keyword === 'boolean' ? unknown() : message)
    if (!faults.has(at)) faults.set(at, problem)
  }
  return [...faults].map(([at, problem]) => ruleFault(place + at || '/', problem))
}
