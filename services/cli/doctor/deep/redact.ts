import type { DoctorConfig } from '../config.ts'
import { decodeToken } from '../token.ts'

/** The variables whose values name the account, its resources or its users. */
const PRIVATE = [
  'UPLOAD_BUCKET',
  'PROCESSED_BUCKET',
  'STREAM_NAME',
  'UPLOADS_TABLE',
  'APPLICATION_NAME',
  'COGNITO_USER_POOL_ID',
  'COGNITO_CLIENT_ID',
  'COGNITO_JWKS_URL',
  'COGNITO_ISSUER',
  'PROCESSOR_FUNCTION',
  'HEADGATE_USERNAME',
  'API_URL',
] as const satisfies ReadonlyArray<keyof DoctorConfig>

/** Claims that name the user, the pool or the app client. They are redacted as well, because they can differ from the variables. */
const CLAIMS = {
  iss: '(issuer)',
  aud: '(client id)',
  client_id: '(client id)',
  sub: '(user)',
  username: '(user)',
  'cognito:username': '(user)',
  email: '(user)',
} as const

const PATTERNS: ReadonlyArray<readonly [RegExp, string]> = [
  // A presigned URL grants access for as long as it is valid.
  [/([?&]\S*)?X-Amz-\S*/gi, '?(presigned)'],
  // Also a token that was cut before its second dot.
  [/\beyJ[\w-]{10,}(\.[\w-]*){0,2}/g, '(token)'],
  // S3 repeats an expired session token in its error, in an XML element. The second pattern matches a token without the element.
  [/(?<=<Token-\d+>)[^<]+/g, '(session token)'],
  [/\b(?:IQoJ|FwoG|FQoG)[\w+/=%]{20,}/g, '(session token)'],
  [/\b(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{12,}\b/g, '(key id)'],
  [/[\w.+-]+@[\w-]+\.[\w.-]+\b/g, '(address)'],
  // The underscore is a word character, so \b would miss an account id beside it.
  [/(?<![^\W_])\d{12}(?![^\W_])/g, '(account)'],
  [/(?<=\barn:[\w-]+:s3:::)[\w.-]+/g, '(bucket)'],
  // The resource of an ARN, after its kind where it has one.
  [/(?<=\barn:[\w-]+:(?!s3:)[\w-]+:[\w-]*:[\w*]*:[a-z-]+[/:])[\w+=,.@/*:$-]+/g, '(name)'],
  [/(?<=\barn:[\w-]+:(?!s3:)[\w-]+:[\w-]*:[\w*]*:)(?![a-z-]+[/:])[\w+=,.@/*:$-]+/g, '(name)'],
  [/(?<=:(?:role|user|group|key|alias)\/)[\w+=,.@/-]+/g, '(name)'],
  [/(?<=\b(?:assumed-role|policy|instance-profile)\/)[\w+=,.@/-]+/g, '(name)'],
  [/(?<=\bkey[/ ]['"]?)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/gi, '(key id)'],
  [/\bmrk-[0-9a-f]{32}\b/g, '(key id)'],
  [/\b[a-z0-9]{8,12}(?=\.execute-api\.)/g, '(api)'],
]

/** Shorter names are replaced as whole words only, because they occur inside other words. */
const MIN_LENGTH_INSIDE_WORDS = 4

/** Shorter parts of a token, such as an empty signature, are not secret. */
const MIN_LENGTH_OF_TOKEN_PART = 16

interface Span {
  start: number
  end: number
  label: string
}

/**
 * Replaces secrets and private names. A value of a variable becomes the name of the variable. Call it before any other change
 * of the text, because a changed secret is not recognized.
 *
 * Every pattern is matched against the original text, and overlapping matches are replaced as one. Otherwise a name that
 * is part of a token or an ARN would be replaced first, and the pattern would miss the rest.
 */
export function withoutSecrets(text: string, config: DoctorConfig, token: string): string {
  const spans = [...knownValues(config, token), ...PATTERNS]
    .flatMap(([pattern, label]) => spansOf(text, pattern, label))
    .toSorted((a, b) => a.start - b.start)
  const merged: Array<Span & { longest: number }> = []
  for (const span of spans) {
    const last = merged.at(-1)
    const length = span.end - span.start
    if (last === undefined || span.start >= last.end) {
      merged.push({ ...span, longest: length })
      continue
    }
    last.end = Math.max(last.end, span.end)
    if (length > last.longest) Object.assign(last, { label: span.label, longest: length })
  }
  return merged.reduceRight((seen, { start, end, label }) => seen.slice(0, start) + label + seen.slice(end), text)
}

function spansOf(text: string, pattern: RegExp, label: string): Span[] {
  return [...text.matchAll(pattern)]
    .filter(([found]) => found !== '')
    .map(({ 0: found, index }) => ({ start: index, end: index + found.length, label }))
}

function knownValues(config: DoctorConfig, token: string): Array<readonly [RegExp, string]> {
  const parts = token.split('.').filter(({ length }) => length >= MIN_LENGTH_OF_TOKEN_PART)
  const secrets = [token, ...parts].map(value => [secret(value), '(token)'] as readonly [RegExp, string])
  const { HEADGATE_PASSWORD: password } = config
  if (password !== undefined) secrets.push([secret(password), '(HEADGATE_PASSWORD)'])
  const named = PRIVATE.flatMap(variable => {
    const value = config[variable]
    return value === undefined ? [] : [[name(value), `(${variable})`] as const]
  })
  const claims = decodeToken(token)?.claims ?? {}
  const claimed = Object.entries(CLAIMS).flatMap(([claim, label]) => {
    const value = claims[claim]
    return typeof value === 'string' && value !== '' ? [[name(value), label] as const] : []
  })
  return [...secrets, ...named, ...claimed]
}

/** Returns a pattern that matches a secret, also with whitespace inserted, as in a wrapped line or a log. */
function secret(value: string): RegExp {
  const characters = [...value.replaceAll(/\s/g, '')].map(literal)
  return new RegExp(characters.join('(?:\\s|\\\\[nrt])*'), 'g')
}

function name(value: string): RegExp {
  const text = literal(value)
  return new RegExp(value.length < MIN_LENGTH_INSIDE_WORDS ? `(?<!\\w)${text}(?!\\w)` : text, 'g')
}

/** Returns a pattern that matches the text itself. */
function literal(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
}
