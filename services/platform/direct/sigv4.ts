import { createHmac, createSecretKey, hash, type KeyObject } from 'node:crypto'
import type { AwsCredentialIdentity } from '@smithy/types'

export interface Scope {
  region: string
  /** The service's name in signatures: `s3`, `dynamodb`, `kinesis`. */
  service: string
}

/** What is signed. */
export interface UnsignedRequest {
  method: string
  /** As it is sent, escaped. */
  path: string
  /** Unescaped. */
  query: Readonly<Record<string, string>>
  /** Lower-case names. All are signed but those that a proxy may change. */
  headers: Readonly<Record<string, string>>
  /** SHA-256 of the body, in lower-case hex, or what S3 takes in its place. */
  payloadHash: string
}

export type Sign = (request: UnsignedRequest, credentials: AwsCredentialIdentity, date: Date) => Record<string, string>

const ALGORITHM = 'AWS4-HMAC-SHA256'
const UNSIGNED = new Set(['user-agent', 'content-length', 'connection'])

/**
 * Signature version 4, for requests with their body in memory, at a fraction of what the SDK's signer costs. It gives the
 * same signature: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 *
 * The function it makes gives the request's headers, signed. The path is taken as it is, unescaped a second time, which is
 * S3's rule; for a path of `/` there is no other.
 */
export function createSign({ region, service }: Scope): Sign {
  let known: { secret: string; day: string; key: KeyObject } | undefined

  /** The same for a day and its credentials, and four digests to make. */
  function signingKey(secret: string, day: string): KeyObject {
    if (known?.secret === secret && known.day === day) return known.key
    const bytes = [day, region, service, 'aws4_request'].reduce<Buffer>(
      (key, part) => createHmac('sha256', key).update(part).digest(),
      Buffer.from(`AWS4${secret}`),
    )
    known = { secret, day, key: createSecretKey(bytes) }
    return known.key
  }

  return ({ method, path, query, headers, payloadHash }, { accessKeyId, secretAccessKey, sessionToken }, date) => {
    const time = date.toISOString().replace(/[-:]|\.\d{3}/g, '')
    const day = time.slice(0, 8)
    const own: Record<string, string> = { ...headers, 'x-amz-date': time }
    if (sessionToken !== undefined) own['x-amz-security-token'] = sessionToken
    const names = Object.keys(own)
      .filter(name => !UNSIGNED.has(name))
      .sort()
    const signedHeaders = names.join(';')
    const canonicalHeaders = names.map(name => `${name}:${canonical(own[name] ?? '')}\n`).join('')
    const request = `${method}\n${path}\n${canonicalQuery(query)}\n${canonicalHeaders}\n${signedHeaders}\n${payloadHash}`
    const scope = `${day}/${region}/${service}/aws4_request`
    const toSign = `${ALGORITHM}\n${time}\n${scope}\n${hash('sha256', request)}`
    const signature = createHmac('sha256', signingKey(secretAccessKey, day)).update(toSign).digest('hex')
    own.authorization = `${ALGORITHM} Credential=${accessKeyId}/${scope}, SignedHeaders=${signedHeaders}, Signature=${signature}`
    return own
  }
}

function canonicalQuery(query: Readonly<Record<string, string>>): string {
  return Object.entries(query)
    .map(([name, value]) => `${escapeUri(name)}=${escapeUri(value)}`)
    .sort()
    .join('&')
}

/** As RFC 3986 has it, which escapes more than ECMAScript does. */
export function escapeUri(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    character => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

function canonical(value: string): string {
  return value.trim().replace(/ +/g, ' ')
}
