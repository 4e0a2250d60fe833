export interface KnownRoute {
  method: string
  /** As the router has it: `/uploads/:id`, `/docs/*`. */
  url: string
}

/** More segments than any route has. A path may have 100,000, and is compared with every route. */
const MAX_SEGMENTS = 16

/**
 * The methods that a path is served with, to tell a wrong method from a wrong path. Empty where the path is unknown; `OPTIONS`,
 * which asks for this very list, wherever it is known. A path that is a route's own is no id: `/uploads/grants` is not an upload.
 */
export function allowedMethods(routes: readonly KnownRoute[], path: string): string[] {
  const own = routes.filter(({ url }) => url === path)
  const given = path.split('/', MAX_SEGMENTS)
  const known = own.length > 0 ? own : routes.filter(({ url }) => matches(url, given))
  const methods = known.map(({ method }) => method)
  return methods.length > 0 ? [...new Set([...methods, 'OPTIONS'])].sort() : []
}

function matches(url: string, given: readonly string[]): boolean {
  const wanted = url.split('/')
  if (wanted.at(-1) === '*') return wanted.slice(0, -1).every((segment, index) => segment === given[index])
  if (wanted.length !== given.length) return false
  return wanted.every((segment, index) => (segment.startsWith(':') ? given[index] !== '' : segment === given[index]))
}
