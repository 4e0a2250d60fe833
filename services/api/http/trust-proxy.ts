import { listed } from '../../platform/config/formats.ts'

/**
 * The proxies whose `X-Forwarded-For` is believed, as Fastify's `trustProxy` takes them. Never a number or `true`: the one
 * trusts nobody, the other whatever the client says.
 *
 * @param list as the configuration has let it pass
 */
export function trustedProxies(list: string): string[] | false {
  const entries = listed(list)
  return entries.length > 0 ? entries : false
}
