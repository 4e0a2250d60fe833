import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'
import { readDocument } from '../document-file.ts'
import { EmbeddedAwsError } from '../errors.ts'
import { compilePattern, type MatchEvent } from './pattern.ts'

export interface Target {
  Id: string
  Arn: string
}

/** A rule of the event bus. */
export interface Rule {
  name: string
  pattern: string
  isEnabled: boolean
  matches: MatchEvent
  /** By id. */
  targets: Map<string, Target>
}

/** All rules, by name. */
export type Rules = Map<string, Rule>

const text = Type.String()
const documentSchema = Type.Object({
  version: Type.Literal(1),
  rules: Type.Array(
    Type.Object({
      name: text,
      pattern: text,
      isEnabled: Type.Boolean(),
      targets: Type.Array(Type.Object({ Id: text, Arn: text })),
    }),
  ),
})

/** Returns the rules as a JSON document. */
export function toDocument(rules: Rules): Static<typeof documentSchema> {
  const listed = [...rules.values()].map(({ name, pattern, isEnabled, targets }) => ({
    ...{ name, pattern, isEnabled },
    targets: [...targets.values()],
  }))
  return { version: 1, rules: listed }
}

/**
 * Resolves to the rules of a file, or to no rules if there is no file yet.
 *
 * @throws EmbeddedAwsError if the file has something else
 */
export async function loadRules(file: string | undefined): Promise<Rules> {
  if (file === undefined) return new Map()
  try {
    const document = await readDocument(file)
    return document === undefined ? new Map() : toRules(document)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new EmbeddedAwsError(`The rules of EventBridge cannot be read from ${file}. ${reason}`, { cause })
  }
}

function toRules(document: unknown): Rules {
  if (!Value.Check(documentSchema, document)) throw new EmbeddedAwsError('It does not hold rules.')
  return new Map(
    document.rules.map(({ targets, ...rule }): [string, Rule] => [
      rule.name,
      { ...rule, matches: compilePattern(rule.pattern), targets: new Map(targets.map(target => [target.Id, target])) },
    ]),
  )
}
