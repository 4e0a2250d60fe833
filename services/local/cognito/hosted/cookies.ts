import type { IncomingMessage, ServerResponse } from 'node:http'

/** Returns a cookie of a request. */
export function readCookie(request: IncomingMessage, name: string): string | undefined {
  const pairs = (request.headers.cookie ?? '').split(';').map(pair => pair.trim())
  return pairs.find(pair => pair.startsWith(`${name}=`))?.slice(name.length + 1)
}

/**
 * Adds a cookie to a response. `SameSite=Lax`: a page of another site may open the sign-in page, but sends no form with
 * the cookie.
 */
export function setCookie(response: ServerResponse, name: string, value: string, maxAgeSeconds?: number): void {
  const age = maxAgeSeconds === undefined ? '' : `; Max-Age=${maxAgeSeconds}`
  response.appendHeader('set-cookie', `${name}=${value}; Path=/; HttpOnly; SameSite=Lax${age}`)
}
