import { isDeepStrictEqual } from 'node:util'
import type { Item } from '../../services/consumer/leases/lease-item.ts'
import type { SwapExpression } from '../../services/consumer/leases/lease-update.ts'

/**
 * The part of the expression language of DynamoDB that the lease table needs: AND of `=`, `<>`, attribute_exists and
 * attribute_not_exists in a condition; SET and REMOVE in an update. It rejects anything else and, like DynamoDB, unused
 * names and values.
 */
export function conditionHolds(expression: SwapExpression, item: Item | undefined): boolean {
  checkUse(expression)
  return termsOf(expression.ConditionExpression).every(term => termHolds(term, expression, item ?? {}))
}

interface Term {
  readonly kind: 'exists' | 'exists not' | '=' | '<>'
  readonly name: string
  /** Empty if the attribute is not compared with a value. */
  readonly value: string
}

/** Returns the item after the update. */
export function applyUpdate(expression: SwapExpression, item: Item): Item {
  const next = { ...item }
  const { UpdateExpression } = expression
  const clauses = /^(?:SET (?<sets>.+?))? ?(?:REMOVE (?<removes>.+))?$/.exec(UpdateExpression)?.groups
  if (!clauses?.sets && !clauses?.removes) throw new Error(`The model does not know the update '${UpdateExpression}'.`)
  for (const set of clauses.sets?.split(', ') ?? []) {
    const [name, value, more] = set.split(' = ')
    if (!name || !value || more) throw new Error(`The model does not know the assignment '${set}'.`)
    next[attributeOf(name, expression)] = valueFor(value, expression)
  }
  for (const name of clauses.removes?.split(', ') ?? []) delete next[attributeOf(name, expression)]
  return next
}

/** A store sends few different expressions, so each text is parsed once. */
const termsOf = remembered((condition: string) => condition.split(' AND ').map(parseTerm))
const namesUsed = remembered((text: string) => new Set(text.match(/[#:]\w+/g)))

function remembered<T>(parse: (text: string) => T): (text: string) => T {
  const known = new Map<string, T>()
  return text => {
    const before = known.get(text)
    if (before !== undefined) return before
    const parsed = parse(text)
    known.set(text, parsed)
    return parsed
  }
}

function parseTerm(term: string): Term {
  const existence = /^attribute_(?<not>not_)?exists\((?<name>#\w+)\)$/.exec(term)?.groups
  if (existence?.name) return { kind: existence.not ? 'exists not' : 'exists', name: existence.name, value: '' }
  const comparison = /^(?<name>#\w+) (?<operator>=|<>) (?<value>:\w+)$/.exec(term)?.groups
  if (!comparison?.name || !comparison.value) throw new Error(`The model does not know the condition '${term}'.`)
  return { kind: comparison.operator === '=' ? '=' : '<>', name: comparison.name, value: comparison.value }
}

function termHolds({ kind, name, value }: Term, expression: SwapExpression, item: Item): boolean {
  const stored = item[attributeOf(name, expression)]
  if (kind === 'exists' || kind === 'exists not') return (stored === undefined) === (kind === 'exists not')
  const isEqual = stored !== undefined && isDeepStrictEqual(stored, valueFor(value, expression))
  return isEqual === (kind === '=')
}

function attributeOf(name: string, { ExpressionAttributeNames }: SwapExpression): string {
  const attribute = ExpressionAttributeNames[name]
  if (attribute === undefined) throw new Error(`ValidationException: the name '${name}' is not defined.`)
  return attribute
}

function valueFor(placeholder: string, { ExpressionAttributeValues }: SwapExpression) {
  const value = ExpressionAttributeValues[placeholder]
  if (value === undefined) throw new Error(`ValidationException: the value '${placeholder}' is not defined.`)
  return value
}

function checkUse(expression: SwapExpression): void {
  const [inUpdate, inCondition] = [namesUsed(expression.UpdateExpression), namesUsed(expression.ConditionExpression)]
  const given = [expression.ExpressionAttributeNames, expression.ExpressionAttributeValues].flatMap(Object.keys)
  for (const name of given)
    if (!inUpdate.has(name) && !inCondition.has(name)) throw new Error(`ValidationException: '${name}' is not used.`)
}
