import { isIP } from 'node:net'
import { isOriginEntry } from '../origins.ts'
import { faultOfClamdUrl } from './scanner.ts'
import { faultOfPairs } from './tracing.ts'
import { faultOfWebhookSecrets, faultOfWebhookUrl } from './webhook.ts'

/** Returns what is wrong with a value, or undefined if it is valid. */
type Format = (value: string) => string | undefined

/** The formats that a schema can refer to, for checks that a pattern cannot express. */
export const formats: Readonly<Record<string, Format>> = {
  proxies: addressRanges,
  'address-ranges': addressRanges,
  'media-types': mediaTypes,
  origins,
  'http-url': httpUrl,
  'otel-pairs': faultOfPairs,
  'clamd-url': faultOfClamdUrl,
  'webhook-url': faultOfWebhookUrl,
  'webhook-secrets': faultOfWebhookSecrets,
}

/** Returns the entries of a comma-separated list, without whitespace and empty entries. */
export function parseList(list: string): string[] {
  return list
    .split(',')
    .map(entry => entry.trim())
    .filter(entry => entry !== '')
}

/** Checks a list of addresses and CIDR ranges. A number, `true` or a name is invalid, because proxy libraries read them differently. */
function addressRanges(list: string): string | undefined {
  const wrong = parseList(list).filter(entry => !isAddressOrRange(entry))
  return wrong.length > 0 ? `must be addresses or CIDR ranges, but these are not: ${wrong.join(', ')}` : undefined
}

function isAddressOrRange(entry: string): boolean {
  const [address = '', prefix, ...rest] = entry.split('/')
  const version = isIP(address)
  if (version === 0 || rest.length > 0) return false
  if (prefix === undefined) return true
  return /^\d{1,3}$/.test(prefix) && Number(prefix) <= (version === 4 ? 32 : 128)
}

/** Checks a list of media type patterns without parameters, such as `image/png` or `image/*`. */
function mediaTypes(list: string): string | undefined {
  const wrong = parseList(list).filter(
    entry => !/^[a-z0-9][a-z0-9!#$&^_.+-]*\/(?:\*|[a-z0-9][a-z0-9!#$&^_.+-]*)$/.test(entry),
  )
  return wrong.length > 0
    ? `must be media types such as image/png or image/*, but these are not: ${wrong.join(', ')}`
    : undefined
}

/** Checks a list of origins as browsers send them, without a path. `*`, and any port of a loopback host, are valid too. */
function origins(list: string): string | undefined {
  const wrong = parseList(list).filter(entry => !isOriginEntry(entry))
  return wrong.length > 0
    ? `must be origins such as https://app.example, but these are not: ${wrong.join(', ')}`
    : undefined
}

/** Checks a URL. It must not contain a possible secret, because the URL is logged and shown in consoles. */
function httpUrl(value: string): string | undefined {
  const url = URL.canParse(value) ? new URL(value) : undefined
  if (!url || !/^https?:$/.test(url.protocol)) return 'must be an http or https URL'
  if (url.username !== '' || url.password !== '') return 'must have no user and no password. Use headers instead'
  return url.search === '' && url.hash === '' ? undefined : 'must have no query and no fragment'
}
