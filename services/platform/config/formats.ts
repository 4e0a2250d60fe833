import { isIP } from 'node:net'
import { faultOfPairs } from './tracing.ts'

/** What is wrong with a value, for a person; undefined where nothing is. */
type Format = (value: string) => string | undefined

/** The formats that a variable's schema may name, for what a pattern cannot say. */
export const formats: Readonly<Record<string, Format>> = {
  proxies,
  'media-types': mediaTypes,
  origins,
  'http-url': httpUrl,
  'otel-pairs': faultOfPairs,
}

/** The entries of a comma-separated list. */
export function listed(list: string): string[] {
  return list
    .split(',')
    .map(entry => entry.trim())
    .filter(entry => entry !== '')
}

/** Addresses and CIDR ranges. Never a number, `true` or a name: what those trust depends on who reads them. */
function proxies(list: string): string | undefined {
  const wrong = listed(list).filter(entry => !isAddressOrRange(entry))
  return wrong.length > 0 ? `must be addresses or CIDR ranges, and these are neither: ${wrong.join(', ')}` : undefined
}

function isAddressOrRange(entry: string): boolean {
  const [address = '', prefix, ...rest] = entry.split('/')
  const version = isIP(address)
  if (version === 0 || rest.length > 0) return false
  if (prefix === undefined) return true
  return /^\d{1,3}$/.test(prefix) && Number(prefix) <= (version === 4 ? 32 : 128)
}

/** Patterns of media types, without parameters: `image/png`, `image/*`. */
function mediaTypes(list: string): string | undefined {
  const wrong = listed(list).filter(
    entry => !/^[a-z0-9][a-z0-9!#$&^_.+-]*\/(?:\*|[a-z0-9][a-z0-9!#$&^_.+-]*)$/.test(entry),
  )
  return wrong.length > 0
    ? `must be media types such as image/png or image/*, and these are not: ${wrong.join(', ')}`
    : undefined
}

/** Origins as browsers send them, without a path; or a star. */
function origins(list: string): string | undefined {
  const wrong = listed(list).filter(entry => entry !== '*' && !(URL.canParse(entry) && new URL(entry).origin === entry))
  return wrong.length > 0
    ? `must be origins such as https://app.example, and these are not: ${wrong.join(', ')}`
    : undefined
}

/** Without what could be a secret: it is logged, and shown by whoever shows an environment. */
function httpUrl(value: string): string | undefined {
  const url = URL.canParse(value) ? new URL(value) : undefined
  if (!url || !/^https?:$/.test(url.protocol)) return 'must be a URL of http or https'
  if (url.username !== '' || url.password !== '') return 'must have no user and no password: they are for the headers'
  return url.search === '' && url.hash === '' ? undefined : 'must have no query and no fragment'
}
