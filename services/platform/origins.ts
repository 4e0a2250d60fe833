/**
 * The pages that a program of this machine serves, on any port. A web site elsewhere cannot have such an origin. `null` is not among
 * them: any site can send it, from a sandboxed frame.
 */
export const LOOPBACK_ORIGINS: readonly string[] = ['http://localhost:*', 'http://127.0.0.1:*', 'http://[::1]:*']

const ANY_PORT = /^(https?:\/\/(?:localhost|127\.0\.0\.1|\[::1\])):\*$/

/**
 * Returns whether an entry of a list of origins is valid: an origin as browsers send it, `*` for all, or a loopback host with `*` as its
 * port. Amazon S3 reads all three in the same way.
 */
export function isOriginEntry(entry: string): boolean {
  if (entry === '*' || ANY_PORT.test(entry)) return true
  // No browser sends a host with `*`.
  return !entry.includes('*') && URL.canParse(entry) && new URL(entry).origin === entry
}

/** Returns what a valid entry matches: itself, or the origins of all ports. */
export function originMatcher(entry: string): string | RegExp {
  const [, host] = ANY_PORT.exec(entry) ?? []
  return host === undefined ? entry : new RegExp(`^${host.replaceAll(/[.[\]]/g, '\\$&')}:\\d{1,5}$`)
}

/** Returns whether a list of valid entries allows an origin. */
export function allowsOrigin(entries: readonly string[], origin: string): boolean {
  return entries.some(entry => {
    const matcher = originMatcher(entry)
    return typeof matcher === 'string' ? matcher === '*' || matcher === origin : matcher.test(origin)
  })
}
