import { readFileSync } from 'node:fs'
import path from 'node:path'
import { type Static, type TSchema, Type } from 'typebox'
import { Value } from 'typebox/value'
import { faultOfWebhookUrl, isWebhookSecret, secretsOf, VALID_SECRET } from '../../platform/config/webhook.ts'
import { didYouMean } from '../../platform/did-you-mean.ts'
import { ConfigurationError, type ConfigurationFault } from '../../platform/errors.ts'
import { notificationTypes } from '../../uploads/notifications/notification.ts'

const VARIABLE = 'NOTIFICATIONS'
const MAX_DESTINATIONS = 20

/** The name of the destination that WEBHOOK_URL configures. */
export const SHORTHAND_NAME = 'webhook'

const list = <T extends TSchema>(item: T) => Type.Array(item, { minItems: 1, maxItems: 100 })
const patterns = list(Type.String({ minLength: 1, maxLength: 255 }))

const SECRET_ARN = '^arn:[a-z0-9-]+:secretsmanager:[a-z0-9-]+:\\d{12}:secret:.+$'
const SECRET_NAME = '^\\$[A-Za-z_][A-Za-z0-9_]*$'

const properties = {
  name: Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$' }),
  webhook: Type.Optional(Type.String({ maxLength: 2_048 })),
  secrets: Type.Optional(Type.Array(Type.String({ maxLength: 2_048 }), { minItems: 1, maxItems: 10 })),
  eventBus: Type.Optional(
    Type.String({
      maxLength: 1_600,
      pattern: '^(?:arn:[a-z0-9-]+:events:[a-z0-9-]+:\\d{12}:event-bus/)?[/.A-Za-z0-9_-]+$',
    }),
  ),
  events: Type.Optional(Type.Array(Type.Enum([...notificationTypes]), { minItems: 1 })),
  owners: Type.Optional(patterns),
  types: Type.Optional(
    list(Type.String({ maxLength: 255, pattern: '^(?:\\*|[A-Za-z0-9!#$&^_.+*-]+/[A-Za-z0-9!#$&^_.+*-]+)$' })),
  ),
  transforms: Type.Optional(patterns),
}

const destinationSchema = Type.Object(properties)

export type DestinationText = Static<typeof destinationSchema>

const PATTERNS = 'must be a list of names, which may contain "*" and "?"'

/** Says what each property must be. Values are not shown, because a value in the wrong place may be a secret. */
const EXPECTED: Readonly<Record<keyof typeof properties, string>> = {
  name: 'must be 1 to 64 letters, digits, ".", "_" and "-", and begin with a letter or digit',
  webhook: 'must be a URL such as "https://example.com/hooks"',
  secrets: 'must be a list of 1 to 10 secrets',
  eventBus: 'must be the name or the ARN of an event bus, such as "default"',
  events: `must be a list of ${new Intl.ListFormat('en').format(notificationTypes.map(type => JSON.stringify(type)))}`,
  owners: PATTERNS,
  types: 'must be a list of media types such as "text/csv" or "image/*"',
  transforms: PATTERNS,
}

/**
 * Reads destinations from JSON, or from the JSON file at a path. Returns none if `text` is undefined or blank.
 *
 * @param env where secrets such as `"$CRM_SECRET"` are looked up
 * @throws ConfigurationError with every fault. Its message contains no secret and no URL
 */
export function readDestinations(
  text: string | undefined,
  env: NodeJS.ProcessEnv,
  cwd = process.cwd(),
): readonly DestinationText[] {
  if (text === undefined || text.trim() === '') return []
  const isInline = /^\s*[{[]/.test(text)
  const file = path.resolve(cwd, text)
  const value = isInline ? parse(text, 'its value') : parse(readText(file), file)
  if (!Array.isArray(value)) {
    throw fault('must be a list of destinations such as [{ "name": "crm", "webhook": "https://…", "secrets": ["…"] }]')
  }
  if (value.length > MAX_DESTINATIONS) {
    throw fault(`must have at most ${MAX_DESTINATIONS} destinations, not ${value.length}`)
  }
  const names = value.map((destination: unknown, index) => nameOf(destination, index))
  const faults = value.flatMap((destination: unknown, index) => {
    const place = `destination ${names[index]}`
    const problems = faultsOf(destination, env)
    if (names.indexOf(names[index] ?? '') < index) problems.push('another destination has the same name')
    if (names[index] === JSON.stringify(SHORTHAND_NAME) && env.WEBHOOK_URL) {
      problems.push('WEBHOOK_URL is the destination of this name: choose another name')
    }
    return problems.map((problem): ConfigurationFault => ({ variable: VARIABLE, problem: `${place}: ${problem}` }))
  })
  if (faults.length > 0) throw new ConfigurationError(faults)
  return value as DestinationText[]
}

/** Returns the name of a destination in messages: its own, or its place in the list. */
function nameOf(destination: unknown, index: number): string {
  const name: unknown = (destination as { name?: unknown } | null)?.name
  return Value.Check(properties.name, name) ? JSON.stringify(name) : `${index + 1}`
}

function faultsOf(destination: unknown, env: NodeJS.ProcessEnv): string[] {
  if (typeof destination !== 'object' || destination === null || Array.isArray(destination)) {
    return ['must be an object such as { "name": "crm", "webhook": "https://…", "secrets": ["…"] }']
  }
  const given = destination as Record<string, unknown>
  const known = Object.keys(properties)
  const unknown = Object.keys(given)
    .filter(name => !known.includes(name))
    .map(name => {
      const hint = didYouMean(name, known) || ` The properties are ${known.join(', ')}.`
      // A secret in the wrong place must not be printed.
      return `${/^[a-z][a-z-]{0,30}$/i.test(name) ? `"${name}"` : 'a name'} is not a property.${hint}`
    })
  const wrong = Object.entries(properties)
    .filter(([name, schema]) => name in given && !Value.Check(schema, given[name]))
    .map(([name]) => `"${name}" ${EXPECTED[name as keyof typeof properties]}${hintFor(name, given[name])}`)
  if (!('name' in given)) wrong.unshift('"name" is required')
  return [...unknown, ...wrong, ...(wrong.length === 0 ? ofKind(given as DestinationText, env) : [])]
}

/** Returns ` Did you mean "…"?` for a type of notification that does not exist. */
function hintFor(name: string, value: unknown): string {
  if (name !== 'events' || !Array.isArray(value)) return ''
  const wrong = value.find(type => typeof type === 'string' && !(notificationTypes as readonly string[]).includes(type))
  const hint = wrong === undefined ? '' : didYouMean(wrong, notificationTypes)
  return hint && `.${hint}`
}

/** Returns what is wrong with the combination of properties that are each valid by themselves. */
function ofKind({ webhook, secrets, eventBus }: DestinationText, env: NodeJS.ProcessEnv): string[] {
  if ((webhook === undefined) === (eventBus === undefined)) {
    return ['must have either a "webhook" or an "eventBus"']
  }
  if (webhook === undefined) {
    return secrets === undefined ? [] : ['"secrets" needs a "webhook": events on an event bus are not signed']
  }
  const ofUrl = faultOfWebhookUrl(webhook)
  const ofSecrets =
    secrets === undefined
      ? ['"secrets" is required: receivers check the signature with it']
      : secrets.flatMap((secret, index) => {
          const problem = faultOfSecret(secret, env)
          return problem === undefined ? [] : [`"secrets", entry ${index + 1}: ${problem}`]
        })
  return [...(ofUrl === undefined ? [] : [`"webhook" ${ofUrl}`]), ...ofSecrets]
}

/** Where a secret comes from. */
export type SecretSource = { secrets: readonly string[] } | { arn: string }

/** Returns the source of a valid entry of `secrets`. */
export function sourceOfSecret(text: string, env: NodeJS.ProcessEnv): SecretSource {
  if (isSecretArn(text)) return { arn: text }
  return { secrets: isSecretName(text) ? secretsOf(env[text.slice(1)] ?? '') : [text] }
}

const isSecretArn = (text: string) => new RegExp(SECRET_ARN).test(text)
const isSecretName = (text: string) => new RegExp(SECRET_NAME).test(text)

function faultOfSecret(text: string, env: NodeJS.ProcessEnv): string | undefined {
  if (isWebhookSecret(text) || isSecretArn(text)) return undefined
  if (!isSecretName(text)) {
    // A text that names a variable is no secret.
    const hint = text in env ? ` Did you mean "$${text}"?` : ''
    return `must be ${VALID_SECRET}, or the name of an environment variable such as "$CRM_SECRET", or the ARN of a secret in Secrets Manager.${hint}`
  }
  const value = env[text.slice(1)]
  if (!value) return `the environment variable ${text.slice(1)} is not set`
  return secretsOf(value).every(isWebhookSecret)
    ? undefined
    : `the environment variable ${text.slice(1)} must be ${VALID_SECRET}, or several of them, separated by spaces`
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    // A text that is not the path of a JSON file may contain a secret.
    const shown = file.endsWith('.json') ? `: ${file} (${code})` : ''
    throw fault(`is neither JSON that begins with "[" nor a file that can be read${shown}`)
  }
}

/** The messages of JSON.parse quote the text, which may be a secret. Only the position is taken from them. */
function parse(json: string, what: string): unknown {
  try {
    return JSON.parse(json)
  } catch (cause) {
    const place = /line \d+ column \d+/.exec(cause instanceof Error ? cause.message : '')?.[0]
    throw fault(`${what} is not JSON${place === undefined ? '' : ` at ${place}`}`)
  }
}

function fault(problem: string): ConfigurationError {
  return new ConfigurationError([{ variable: VARIABLE, problem }])
}
