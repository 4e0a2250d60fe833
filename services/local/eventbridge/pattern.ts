import { compileCaseSensitiveWildcards } from '../../platform/wildcards.ts'
import { EventBridgeError } from './errors.ts'

type Json = null | boolean | number | string | Json[] | { [name: string]: Json }
type Fields = { [name: string]: Json }

export type MatchEvent = (event: unknown) => boolean

/**
 * Compiles an event pattern: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-patterns.html
 *
 * It knows exact values, `prefix`, `suffix`, `wildcard`, `exists` and `anything-but` with values.
 *
 * @throws EventBridgeError InvalidEventPatternException for everything else
 */
export function compilePattern(text: string): MatchEvent {
  const pattern = parse(text)
  if (!isFields(pattern)) throw invalid('must be an object')
  return compileFields(pattern, '')
}

function compileFields(pattern: Fields, place: string): MatchEvent {
  const fields = Object.entries(pattern).map(([name, inner]) => {
    const at = `${place}/${name}`
    if (Array.isArray(inner)) return { name, matches: compileList(inner, at) }
    if (isFields(inner)) return { name, matches: compileFields(inner, at) }
    throw invalid(`${at} must be an object or a list`)
  })
  if (fields.length === 0) throw invalid(`${place || '/'} must not be empty`)
  return event => fields.every(({ name, matches }) => matches(isFields(event) ? event[name] : undefined))
}

/** A value matches if any condition does. Of a list of values, one is enough. */
function compileList(conditions: readonly Json[], place: string): MatchEvent {
  if (conditions.length === 0) throw invalid(`${place} must not be empty`)
  const compiled = conditions.map(condition => compileCondition(condition, place))
  return value => {
    const values = Array.isArray(value) && value.length > 0 ? value : [value]
    return values.some(one => compiled.some(matches => matches(one)))
  }
}

function compileCondition(condition: Json, place: string): MatchEvent {
  if (!isFields(condition)) {
    if (Array.isArray(condition)) throw invalid(`${place} has a list in a list`)
    return value => value === condition
  }
  const [[kind = '', argument] = [], ...others] = Object.entries(condition)
  if (others.length > 0) throw invalid(`${place} must have one condition in each object`)
  if (kind === 'exists' && typeof argument === 'boolean') return value => (value !== undefined) === argument
  if (kind === 'anything-but' && !isFields(argument)) {
    const excluded: readonly unknown[] = [argument].flat()
    return value => value !== undefined && !excluded.includes(value)
  }
  if (typeof argument === 'string') {
    const matches = textCondition(kind, argument)
    if (matches) return value => typeof value === 'string' && matches(value)
  }
  throw invalid(`${place} has the condition "${kind}", which the embedded EventBridge does not know in this form`)
}

function textCondition(kind: string, argument: string): ((text: string) => boolean) | undefined {
  if (kind === 'prefix') return text => text.startsWith(argument)
  if (kind === 'suffix') return text => text.endsWith(argument)
  if (kind === 'equals-ignore-case') return text => text.toLowerCase() === argument.toLowerCase()
  return kind === 'wildcard' && !argument.includes('?') ? compileCaseSensitiveWildcards(argument) : undefined
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new EventBridgeError('InvalidEventPatternException', 'Event pattern is not valid. Reason: it is not JSON', {
      cause,
    })
  }
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function invalid(reason: string): EventBridgeError {
  return new EventBridgeError('InvalidEventPatternException', `Event pattern is not valid. Reason: ${reason}`)
}
