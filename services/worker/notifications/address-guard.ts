import { type LookupAddress, type LookupAllOptions, lookup as systemLookup } from 'node:dns'
import { BlockList, isIP, type LookupFunction } from 'node:net'
import ipaddr from 'ipaddr.js'
import { buildConnector } from 'undici'
import { parseList } from '../../platform/config/formats.ts'
import { HeadgateError } from '../../platform/errors.ts'

/** A webhook's host has an address that webhooks must not be sent to. The address is for the operator who configured the URL. */
export class AddressNotAllowedError extends HeadgateError {
  readonly code = 'HEADGATE_ADDRESS_NOT_ALLOWED'
}

/** Resolves a host name to all its addresses. */
export type LookupAll = (
  hostname: string,
  options: LookupAllOptions,
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void

export interface AddressGuardSettings {
  /** The value of NOTIFICATIONS_ALLOW_ADDRESSES. */
  allow: string
  /** Maximum time to connect, in milliseconds. */
  timeoutMs: number
  /** @default the resolver of the system */
  lookup?: LookupAll
}

/**
 * Returns why a webhook can't be sent whatever its host resolves to, or undefined. The names of hosts are not looked up, because the answer
 * may change: they are checked at each connection. The message does not show the URL, because it may be secret.
 *
 * @param url a valid URL with http or https
 * @param allow the value of NOTIFICATIONS_ALLOW_ADDRESSES
 */
export function faultOfTarget(url: string, allow: string): string | undefined {
  const { protocol, hostname } = new URL(url)
  const isHttps = protocol === 'https:'
  const address = hostname.replace(/^\[|\]$/g, '')
  if (isIP(address) === 0) {
    const mayBeAllowed = isHttps || parseList(allow).length > 0
    return mayBeAllowed ? undefined : 'must begin with https: plain http needs NOTIFICATIONS_ALLOW_ADDRESSES'
  }
  if (isAllowed(address, allowList(allow))) return undefined
  if (!isPublic(address))
    return 'has an address that is not public, and that NOTIFICATIONS_ALLOW_ADDRESSES does not allow'
  return isHttps
    ? undefined
    : 'must begin with https: NOTIFICATIONS_ALLOW_ADDRESSES does not allow plain http to its address'
}

const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3')
const NAT64 = ipaddr.IPv6.parseCIDR('64:ff9b::/96')

/**
 * Creates a connector for undici that connects only to public addresses, and to those that the configuration allows. It checks the
 * addresses that the socket then connects to, so a DNS answer that changes after the check has no effect. A host is refused if any of
 * its addresses is not allowed. Only allowed addresses are reached by plain http, because anybody on the way could read the upload's data.
 */
export function createGuardedConnector(settings: AddressGuardSettings): buildConnector.connector {
  const { allow, timeoutMs, lookup = systemLookup } = settings
  const allowed = allowList(allow)
  const lookups = shareLookups(lookup)

  function check(address: string, isHttps: boolean): void {
    if (isAllowed(address, allowed)) return
    if (!isPublic(address)) {
      throw new AddressNotAllowedError(
        `${address} is not a public address. NOTIFICATIONS_ALLOW_ADDRESSES can allow it.`,
      )
    }
    if (isHttps) return
    throw new AddressNotAllowedError(
      `Plain http is allowed only to the addresses in NOTIFICATIONS_ALLOW_ADDRESSES, and ${address} is not one of them. Use https.`,
    )
  }

  const connectorFor = (isHttps: boolean) => {
    const guardedLookup: LookupFunction = (hostname, options, callback) => {
      lookups(hostname, options.hints ?? 0, (error, addresses) => {
        try {
          if (error) throw error
          if (addresses.length === 0)
            throw Object.assign(new Error(`${hostname} has no address`), { code: 'ENOTFOUND' })
          for (const { address } of addresses) check(address, isHttps)
        } catch (cause) {
          callback(cause as NodeJS.ErrnoException, '')
          return
        }
        const [first] = addresses
        if (options.all) callback(null, addresses)
        else callback(null, first?.address ?? '', first?.family ?? 4)
      })
    }
    return buildConnector({ allowH2: false, timeout: timeoutMs, lookup: guardedLookup, autoSelectFamily: true })
  }
  const [overHttp, overHttps] = [connectorFor(false), connectorFor(true)]

  return (options, callback) => {
    const isHttps = options.protocol === 'https:'
    // A socket does not look up an address that the URL contains. The URL parser has turned all its notations into the usual one.
    if (isIP(options.hostname) !== 0) {
      try {
        check(options.hostname, isHttps)
      } catch (error) {
        callback(error as AddressNotAllowedError, null)
        return
      }
    }
    const connect = isHttps ? overHttps : overHttp
    connect(options, callback)
  }
}

/** Returns true if an address is on the internet, with no special purpose by the registries of IANA. */
export function isPublic(address: string): boolean {
  const parsed = plain(address)
  if (parsed.range() !== 'unicast') return false
  return parsed instanceof ipaddr.IPv4 || parsed.match(GLOBAL_UNICAST)
}

/** Parses an address. Returns the IPv4 address in an IPv6 address that maps one, or that a NAT64 gateway translates to one. */
function plain(address: string): ipaddr.IPv4 | ipaddr.IPv6 {
  const parsed = ipaddr.parse(address)
  if (parsed instanceof ipaddr.IPv4) return parsed
  if (parsed.isIPv4MappedAddress()) return parsed.toIPv4Address()
  return parsed.match(NAT64) ? new ipaddr.IPv4(parsed.toByteArray().slice(12)) : parsed
}

function allowList(text: string): BlockList {
  const list = new BlockList()
  for (const entry of parseList(text)) {
    const [address = '', prefix] = entry.split('/')
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    if (prefix === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(prefix), family)
  }
  return list
}

function isAllowed(address: string, list: BlockList): boolean {
  const parsed = plain(address)
  // The zone of a link-local address is no part of a range.
  return list.check(parsed.toString().replace(/%.*$/, ''), parsed instanceof ipaddr.IPv4 ? 'ipv4' : 'ipv6')
}

/**
 * Makes concurrent connections to a host share one lookup. The system's resolver blocks a thread for as long as it waits for a name server,
 * and the whole process has four. Lookups for a host whose name server is down must not take all of them.
 */
function shareLookups(lookup: LookupAll) {
  type Callback = Parameters<LookupAll>[2]
  const waiting = new Map<string, Callback[]>()
  return (hostname: string, hints: number, callback: Callback): void => {
    const others = waiting.get(hostname)
    if (others) {
      others.push(callback)
      return
    }
    const callbacks = [callback]
    waiting.set(hostname, callbacks)
    lookup(hostname, { all: true, hints }, (error, addresses) => {
      waiting.delete(hostname)
      for (const done of callbacks) done(error, addresses)
    })
  }
}
