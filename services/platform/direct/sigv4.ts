import { createHmac, createSecretKey, hash, type KeyObject } from 'node:crypto'
import type { AwsCredentialIdentity } from '@smithy/types'

export interface Scope {
  region: string
  /** The service's name in signatures: `s3`, `dynamodb`, `kinesis`. */
  service: string
}

/** A request before it is signed. */
export interface UnsignedRequest {
  method: string
  /** Escaped, as it is sent. */
  path: string
  /** Unescaped. */
  query: Readonly<Record<string, string>>
  /** Names are in lower case. All headers are signed except those that a proxy may change. */
  headers: Readonly<Record<string, string>>
  /** SHA-256 of the body in lower-case hex, or a value that S3 accepts instead. */
  payloadHash: string
}

/** Returns the headers of the request, with the signature. */
export type Signer = (
  request: UnsignedRequest,
  credentials: AwsCredentialIdentity,
  date: Date,
) => Record<string, string>

const ALGORITHM = 'AWS4-HMAC-SHA256'
const UNSIGNED = new Set(['user-agent', 'content-length', 'connection'])

/**
 * Creates a signer by signature version 4 for requests whose body is in memory. It costs a fraction of the SDK's signer and returns
 * the same signature: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 *
 * The path is signed as it is, without a second escaping. S3 requires that, and for the path `/` it makes no difference.
 */
export function createSigner({ region, service }: Scope): Signer {
  let cached: { secret: string; day: string; key: KeyObject } | undefined

  /** The key takes four digests and changes only with the day and the credentials, so it is cached. */
  function signingKey(secret: string, day: string): KeyObject {
    if (cached?.secret === secret && cached.day === day) return cached.key
    const bytes = [day, region, service, 'aws4_request'].reduce<Buffer>(
      (key, part) => createHmac('sha256', key).update(part).digest(),
      Buffer.from(`AWS4${secret}`),
    )
    cached = { secret, day, key: createSecretKey(bytes) }
    return cached.key
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

/** Escapes text for a URI by RFC 3986, which escapes more characters than encodeURIComponent does. */
export function escapeUri(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    character => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

function canonical(value: string): string {
  return value.trim().replace(/ +/g, ' ')
}
