import { escaped } from './s3-multipart-lists.ts'

/** A rule of a bucket's CORS configuration. */
export interface CorsRule {
  id?: string
  allowedOrigins: readonly string[]
  allowedMethods: readonly string[]
  allowedHeaders: readonly string[]
  exposedHeaders: readonly string[]
  maxAgeSeconds?: number
}

/** A CORS configuration that S3 rejects. */
export class CorsRulesError extends Error {
  /** The code of the error response. */
  readonly s3Code: 'MalformedXML' | 'InvalidRequest'

  constructor(s3Code: CorsRulesError['s3Code'], message: string) {
    super(message)
    this.s3Code = s3Code
  }
}

const METHODS = ['GET', 'PUT', 'POST', 'DELETE', 'HEAD']
const MAX_RULES = 100

/**
 * Returns the rules of the XML body of PutBucketCors.
 *
 * @throws CorsRulesError
 */
export function parseCorsRules(xml: string): CorsRule[] {
  const rules = [...xml.matchAll(/<CORSRule>(.*?)<\/CORSRule>/gs)].map(([, rule = '']) => parseRule(rule))
  if (rules.length === 0 || rules.length > MAX_RULES) throw malformed()
  return rules
}

function parseRule(xml: string): CorsRule {
  const all = (name: string) =>
    [...xml.matchAll(new RegExp(`<${name}>(.*?)</${name}>`, 'gs'))].map(([, text = '']) => unescaped(text).trim())
  const [id] = all('ID')
  const [maxAge] = all('MaxAgeSeconds')
  const rule = {
    ...(id !== undefined && { id }),
    allowedOrigins: all('AllowedOrigin'),
    allowedMethods: all('AllowedMethod'),
    allowedHeaders: all('AllowedHeader'),
    exposedHeaders: all('ExposeHeader'),
    ...(maxAge !== undefined && { maxAgeSeconds: Number(maxAge) }),
  }
  if (rule.allowedOrigins.length === 0 || rule.allowedMethods.length === 0) throw malformed()
  for (const method of rule.allowedMethods) {
    if (METHODS.includes(method)) continue
    throw new CorsRulesError(
      'InvalidRequest',
      `Found unsupported HTTP method in CORS config. Unsupported method is ${method}`,
    )
  }
  for (const [name, value] of [
    ...rule.allowedOrigins.map(value => ['AllowedOrigin', value] as const),
    ...rule.allowedHeaders.map(value => ['AllowedHeader', value] as const),
  ]) {
    if (value.split('*').length <= 2) continue
    throw new CorsRulesError('InvalidRequest', `${name} "${value}" can not have more than one wildcard.`)
  }
  const wildcard = rule.exposedHeaders.find(name => name.includes('*'))
  if (wildcard !== undefined) {
    throw new CorsRulesError('InvalidRequest', `ExposeHeader "${wildcard}" contains wildcard.`)
  }
  return rule
}

/** Returns the XML body of the response to GetBucketCors. */
export function toXml(rules: readonly CorsRule[]): string {
  const element = (name: string, values: readonly (string | number)[]) =>
    values.map(value => `<${name}>${escaped(String(value))}</${name}>`).join('')
  const shown = rules.map(
    ({ id, allowedOrigins, allowedMethods, allowedHeaders, exposedHeaders, maxAgeSeconds }) =>
      `<CORSRule>${[
        element('ID', id === undefined ? [] : [id]),
        element('AllowedOrigin', allowedOrigins),
        element('AllowedMethod', allowedMethods),
        element('AllowedHeader', allowedHeaders),
        element('ExposeHeader', exposedHeaders),
        element('MaxAgeSeconds', maxAgeSeconds === undefined ? [] : [maxAgeSeconds]),
      ].join('')}</CORSRule>`,
  )
  return `<CORSConfiguration>${shown.join('')}</CORSConfiguration>`
}

/** Returns whether a rule allows a request. Origins match exactly, and headers without regard to case. */
export function matches(
  { allowedOrigins, allowedMethods, allowedHeaders }: CorsRule,
  { origin, method, headers = [] }: { origin: string; method: string; headers?: readonly string[] },
): boolean {
  return (
    allowedOrigins.some(pattern => isLike(origin, pattern)) &&
    allowedMethods.includes(method) &&
    headers.every(name => allowedHeaders.some(pattern => isLike(name.toLowerCase(), pattern.toLowerCase())))
  )
}

/** Returns whether a text matches a pattern with at most one `*`, which stands for any characters. */
function isLike(text: string, pattern: string): boolean {
  const [start = '', end] = pattern.split('*')
  if (end === undefined) return text === pattern
  return text.length >= start.length + end.length && text.startsWith(start) && text.endsWith(end)
}

function malformed(): CorsRulesError {
  return new CorsRulesError(
    'MalformedXML',
    'The XML you provided was not well-formed or did not validate against our published schema',
  )
}

function unescaped(text: string): string {
  return text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&apos;', "'")
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&')
}
