export interface KnownRoute {
  method: string
  /** The route's pattern, such as `/uploads/:id` or `/docs/*`. */
  url: string
}

/** Greater than the number of segments of any route. A path may have 100,000 segments, and is compared with every route. */
const MAX_SEGMENTS = 16

/**
 * Returns the methods that a path supports, which distinguishes a wrong method from an unknown path. Empty if the path is unknown. Every
 * known path supports `OPTIONS`. A literal route takes precedence over a parameter: `/uploads/grants` is not an upload.
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
