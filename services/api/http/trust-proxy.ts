import { isIP } from 'node:net'
import { ConfigurationError } from '../../platform/errors.ts'

/**
 * The proxies whose `X-Forwarded-For` is believed, as Fastify's `trustProxy` takes them. Never a number or `true`: the one
 * trusts nobody, the other whatever the client says.
 *
 * @throws ConfigurationError naming the entries that are no address and no CIDR range
 */
export function trustedProxies(list: string): string[] | false {
  const entries = list
    .split(',')
    .map(entry => entry.trim())
    .filter(entry => entry !== '')
  const wrong = entries.filter(entry => !isAddressOrRange(entry))
  if (wrong.length > 0) {
    throw new ConfigurationError([
      {
        variable: 'TRUST_PROXY',
        problem: `must be addresses or CIDR ranges, and these are neither: ${wrong.join(', ')}`,
      },
    ])
  }
  return entries.length > 0 ? entries : false
}

function isAddressOrRange(entry: string): boolean {
  const [address = '', prefix, ...rest] = entry.split('/')
  const version = isIP(address)
  if (version === 0 || rest.length > 0) return false
  if (prefix === undefined) return true
  return /^\d{1,3}$/.test(prefix) && Number(prefix) <= (version === 4 ? 32 : 128)
}
