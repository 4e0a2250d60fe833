import { type Static, type TSchema, Type } from 'typebox'
import { Value } from 'typebox/value'
import { readJsonOrFile } from '../../platform/config/json-or-file.ts'
import { didYouMean } from '../../platform/did-you-mean.ts'
import { ConfigurationError, type ConfigurationFault } from '../../platform/errors.ts'
import { uploadMethods } from './upload-method.ts'

const VARIABLE = 'UPLOAD_POLICIES'
const MAX_RULES = 100

const NAME = Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$' })
const list = <T extends TSchema>(item: T) => Type.Optional(Type.Array(item, { minItems: 1, maxItems: 100 }))
const count = (maximum: number) => Type.Optional(Type.Integer({ minimum: 1, maximum }))
// Groups and scopes of Cognito.
const permissions = list(Type.String({ minLength: 1, maxLength: 256, pattern: '^\\S+$' }))

const properties = {
  name: NAME,
  groups: permissions,
  scopes: permissions,
  methods: list(Type.Enum([...uploadMethods])),
  maxBytes: count(Number.MAX_SAFE_INTEGER),
  types: list(
    Type.String({ pattern: '^[a-z0-9][a-z0-9!#$&^_.+-]*/(?:\\*|[a-z0-9][a-z0-9!#$&^_.+-]*)$', maxLength: 255 }),
  ),
  filesPerForm: count(Number.MAX_SAFE_INTEGER),
  keyPrefix: Type.Optional(
    Type.String({ maxLength: 256, pattern: '^[A-Za-z0-9_-][A-Za-z0-9._-]*(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$' }),
  ),
  bytesPerDay: count(Number.MAX_SAFE_INTEGER),
  uploadsPerDay: count(Number.MAX_SAFE_INTEGER),
}

const ruleSchema = Type.Object(properties)

/** A rule of UPLOAD_POLICIES. */
export type PolicyRule = Readonly<Static<typeof ruleSchema>>

const EXPECTED: Readonly<Record<keyof typeof properties, string>> = {
  name: 'must be 1 to 64 letters, digits, ".", "_" and "-", and begin with a letter or digit',
  groups: 'must be a list of groups of the user pool, such as ["staff"]',
  scopes: 'must be a list of scopes of access tokens, such as ["uploads/write"]',
  methods: `must be a list of ${new Intl.ListFormat('en').format(uploadMethods.map(method => JSON.stringify(method)))}`,
  maxBytes: 'must be a number of bytes, 1 or more',
  types: 'must be a list of media types in lower case, such as ["text/csv", "image/*"]',
  filesPerForm: 'must be a number of files, 1 or more',
  keyPrefix:
    'must be names of folders, such as "invoices" or "invoices/eu", with letters, digits, ".", "_" and "-", and without slashes around them',
  bytesPerDay: 'must be a number of bytes, 1 or more',
  uploadsPerDay: 'must be a number of uploads, 1 or more',
}

/** The limits of the deployment, which no rule can exceed. */
export interface DeploymentMaxima {
  /** MAX_UPLOAD_BYTES. */
  maxBytes: number
  /** MAX_FORM_FILES. */
  filesPerForm: number
}

/**
 * Reads the rules of UPLOAD_POLICIES from JSON, or from the JSON file at a path.
 *
 * @returns undefined if `text` is undefined or blank: there are no rules, and every upload is allowed
 * @throws ConfigurationError with every fault
 */
export function readPolicies(
  text: string | undefined,
  maxima: DeploymentMaxima,
  cwd = process.cwd(),
): readonly PolicyRule[] | undefined {
  if (text === undefined || text.trim() === '') return undefined
  const { value } = readJsonOrFile(VARIABLE, text, cwd)
  if (!Array.isArray(value) || value.length === 0) {
    throw fault('must be a list of rules such as [{ "name": "staff", "groups": ["staff"], "maxBytes": 1000000 }]')
  }
  if (value.length > MAX_RULES) throw fault(`must have at most ${MAX_RULES} rules, not ${value.length}`)
  const rules: readonly unknown[] = value
  const names = rules.map(nameOf)
  const faults = rules.flatMap((rule, index) => {
    const problems = faultsOf(rule, maxima)
    if (names.indexOf(names[index] ?? '') < index) problems.push('another rule has the same name')
    return problems.map(
      (problem): ConfigurationFault => ({
        variable: VARIABLE,
        problem: `rule ${names[index]}: ${problem}`,
      }),
    )
  })
  if (faults.length > 0) throw new ConfigurationError(faults)
  const checked = rules as readonly PolicyRule[]
  checkReachable(checked)
  return checked
}

/** A rule without conditions applies to every upload, so that later rules would never be used. */
function checkReachable(rules: readonly PolicyRule[]): void {
  const open = rules.findIndex(({ groups, scopes, methods }) => !groups && !scopes && !methods)
  const unused = open === -1 ? [] : rules.slice(open + 1)
  if (unused.length === 0) return
  const shown = unused.map(({ name }) => JSON.stringify(name)).join(', ')
  throw fault(
    `rule ${JSON.stringify(rules[open]?.name)} applies to every upload, so these rules are never used: ${shown}. Move it to the end, or give it "groups", "scopes" or "methods"`,
  )
}

/** Returns the name of a rule in messages: its own, or its place in the list. */
function nameOf(rule: unknown, index: number): string {
  const name: unknown = (rule as { name?: unknown } | null)?.name
  return Value.Check(NAME, name) ? JSON.stringify(name) : `${index + 1}`
}

function faultsOf(rule: unknown, { maxBytes, filesPerForm }: DeploymentMaxima): string[] {
  if (typeof rule !== 'object' || rule === null || Array.isArray(rule)) {
    return ['must be an object such as { "name": "staff", "groups": ["staff"], "maxBytes": 1000000 }']
  }
  const given = rule as Record<string, unknown>
  const known = Object.keys(properties)
  const unknown = Object.keys(given)
    .filter(name => !known.includes(name))
    .map(name => {
      const hint = didYouMean(name, known) || ` The properties are ${known.join(', ')}.`
      return `${JSON.stringify(name)} is not a property.${hint}`
    })
  const wrong = Object.entries(properties)
    .filter(([name, schema]) => name in given && !Value.Check(schema, given[name]))
    .map(([name]) => `"${name}" ${EXPECTED[name as keyof typeof properties]}${methodHint(name, given[name])}`)
  if (!('name' in given)) wrong.unshift('"name" is required')
  const { maxBytes: bytes, filesPerForm: files } = given
  if (typeof bytes === 'number' && bytes > maxBytes)
    wrong.push(`"maxBytes" is more than MAX_UPLOAD_BYTES, which is ${maxBytes}`)
  if (typeof files === 'number' && files > filesPerForm)
    wrong.push(`"filesPerForm" is more than MAX_FORM_FILES, which is ${filesPerForm}`)
  return [...unknown, ...wrong]
}

/** Returns `. Did you mean "…"?` for a method that does not exist. */
function methodHint(name: string, value: unknown): string {
  if (name !== 'methods' || !Array.isArray(value)) return ''
  const wrong: unknown = value.find(method => !(uploadMethods as readonly unknown[]).includes(method))
  const hint = typeof wrong === 'string' ? didYouMean(wrong, uploadMethods) : ''
  return hint && `.${hint}`
}

function fault(problem: string): ConfigurationError {
  return new ConfigurationError([{ variable: VARIABLE, problem }])
}
