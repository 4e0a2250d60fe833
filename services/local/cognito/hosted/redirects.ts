import { allowsOrigin } from '../../../platform/origins.ts'
import type { Client } from '../pools/schema.ts'

/**
 * Returns whether the pages may send the browser to a URL. As in Cognito, the URL must equal one of the client's URLs.
 * Unlike Cognito, they may also send it to every page of the allowed origins, so that nobody must register the ports of
 * development servers.
 */
export function allowsRedirect(
  url: string,
  list: 'callbackUrls' | 'logoutUrls',
  client: Client,
  origins: readonly string[],
): boolean {
  if (!client.oauth || !URL.canParse(url)) return false
  if (client.oauth[list].includes(url)) return true
  const { origin, hash, username, password } = new URL(url)
  // `new URL` accepts what a browser would read in another way than a person: user names, backslashes, white space.
  const isPlain = hash === '' && username === '' && password === '' && url.startsWith(origin) && !/[#\\\s]/.test(url)
  return isPlain && allowsOrigin(origins, origin)
}

/** Returns a URL with further parameters in its query. */
export function withParameters(url: string, parameters: Readonly<Record<string, string | undefined>>): string {
  const result = new URL(url)
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined) result.searchParams.append(name, value)
  }
  return result.href
}
