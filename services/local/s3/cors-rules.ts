import { S3Error } from './errors.ts'
import { findAll, unescaped, type XmlValue } from './xml.ts'

/** A rule of a bucket's CORS configuration. */
export interface CorsRule {
  id?: string
  allowedOrigins: readonly string[]
  allowedMethods: readonly string[]
  allowedHeaders: readonly string[]
  exposedHeaders: readonly string[]
  maxAgeSeconds?: number
}

const METHODS = ['GET', 'PUT', 'POST', 'DELETE', 'HEAD']
const MAX_RULES = 100

/**
 * Returns the rules of the XML body of PutBucketCors.
 *
 * @throws S3Error MalformedXML, InvalidRequest
 */
export function parseCorsRules(xml: string): CorsRule[] {
  const rules = findAll(xml, 'CORSRule').map(parseRule)
  if (rules.length === 0 || rules.length > MAX_RULES) throw malformed()
  return rules
}

function parseRule(xml: string): CorsRule {
  const all = (name: string) => findAll(xml, name).map(text => unescaped(text).trim())
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
    throw new S3Error('InvalidRequest', `Found unsupported HTTP method in CORS config. Unsupported method is ${method}`)
  }
  for (const [name, value] of [
    ...rule.allowedOrigins.map(value => ['AllowedOrigin', value] as const),
    ...rule.allowedHeaders.map(value => ['AllowedHeader', value] as const),
  ]) {
    if (value.split('*').length <= 2) continue
    throw new S3Error('InvalidRequest', `${name} "${value}" can not have more than one wildcard.`)
  }
  const wildcard = rule.exposedHeaders.find(name => name.includes('*'))
  if (wildcard !== undefined) {
    throw new S3Error('InvalidRequest', `ExposeHeader "${wildcard}" contains wildcard.`)
  }
  return rule
}

/** Returns the element of a rule in the response to GetBucketCors. */
export function toCorsElements(rule: CorsRule): XmlValue {
  return {
    ID: rule.id,
    AllowedOrigin: rule.allowedOrigins,
    AllowedMethod: rule.allowedMethods,
    AllowedHeader: rule.allowedHeaders,
    ExposeHeader: rule.exposedHeaders,
    MaxAgeSeconds: rule.maxAgeSeconds,
  }
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

function malformed(): S3Error {
  return new S3Error(
    'MalformedXML',
    'The XML you provided was not well-formed or did not validate against our published schema',
  )
}
