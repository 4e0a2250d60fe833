/** Where clamd listens. */
export type ClamdAddress = { host: string; port: number } | { path: string }

/** Returns the address of a URL such as `tcp://127.0.0.1:3310` or `unix:///run/clamav/clamd.ctl`. Undefined if the URL is invalid. */
export function clamdAddressOf(text: string): ClamdAddress | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') return undefined
  if (url.protocol === 'unix:') {
    return url.host === '' && url.pathname.length > 1 ? { path: decodeURIComponent(url.pathname) } : undefined
  }
  if (url.protocol !== 'tcp:' || url.hostname === '' || url.port === '' || url.pathname.length > 1) return undefined
  // A URL has an IPv6 address in brackets.
  return { host: url.hostname.replace(/^\[(.*)\]$/, '$1'), port: Number(url.port) }
}

/** Returns what is wrong with the URL of clamd, or undefined. */
export function faultOfClamdUrl(text: string): string | undefined {
  return clamdAddressOf(text) ? undefined : 'must be a URL such as tcp://127.0.0.1:3310 or unix:///run/clamav/clamd.ctl'
}
