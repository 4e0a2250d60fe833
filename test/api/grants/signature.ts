import { createHash, createHmac } from 'node:crypto'
import { account } from '../../../services/local/account.ts'

const hmac = (key: Buffer | string, text: string) => createHmac('sha256', key).update(text).digest()
const encode = (text: string) =>
  encodeURIComponent(text).replace(/[!'()*]/g, char => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)

/**
 * Returns true if S3 of AWS would accept a presigned PUT with these headers. Computes signature version 4, because the embedded S3 verifies no
 * signatures.
 */
export function isSigned(url: string, headers: Readonly<Record<string, string>>): boolean {
  const { host, pathname, searchParams } = new URL(url)
  const names = (searchParams.get('X-Amz-SignedHeaders') ?? '').split(';')
  const [, ...scope] = (searchParams.get('X-Amz-Credential') ?? '').split('/')
  const [date = '', region = '', service = '', terminator = ''] = scope
  const query = [...searchParams]
    .filter(([name]) => name !== 'X-Amz-Signature')
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .sort()
  const values = names.map(name => `${name}:${name === 'host' ? host : (headers[name] ?? '').trim()}\n`)
  const canonical = ['PUT', pathname, query.join('&'), values.join(''), names.join(';'), 'UNSIGNED-PAYLOAD'].join('\n')
  const digest = createHash('sha256').update(canonical).digest('hex')
  const text = ['AWS4-HMAC-SHA256', searchParams.get('X-Amz-Date'), scope.join('/'), digest].join('\n')
  const key = [region, service, terminator].reduce(hmac, hmac(`AWS4${account.credentials.secretAccessKey}`, date))
  return hmac(key, text).toString('hex') === searchParams.get('X-Amz-Signature')
}
