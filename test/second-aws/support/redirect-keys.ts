/**
 * Preloaded into our processes by `--import`. The tokens of both servers name AWS's own issuer, so the api would fetch
 * the keys from AWS. This module sends every request for that host to the server in HEADGATE_TEST_ISSUER_URL, and
 * changes nothing else: the api still verifies the signature and the issuer of every token.
 */
const server = process.env.HEADGATE_TEST_ISSUER_URL
if (server === undefined) throw new Error('HEADGATE_TEST_ISSUER_URL is not set.')

const ISSUER_HOST = /^cognito-idp\.[a-z0-9-]+\.amazonaws\.com$/
const realFetch = globalThis.fetch

globalThis.fetch = (input, init) => {
  const { hostname, pathname, search } = new URL(input instanceof Request ? input.url : input)
  return ISSUER_HOST.test(hostname) ? realFetch(`${server}${pathname}${search}`, init) : realFetch(input, init)
}
