/** What a token must say for a route, beyond whose it is. */
export interface RequiredPermissions {
  /** All of them must be among the token's `scope`. Only access tokens have one. */
  scopes: readonly string[]
  /** One of them must be among the token's `cognito:groups`. None: any will do. */
  groups: readonly string[]
}

export type Access = 'read' | 'write'

/** What a token lacks, in words for its owner; undefined where it lacks nothing. */
export function missingPermission(
  claims: Readonly<Record<string, unknown>>,
  { scopes, groups }: RequiredPermissions,
): string | undefined {
  const given = typeof claims.scope === 'string' ? claims.scope.split(' ') : []
  const missing = scopes.filter(scope => !given.includes(scope))
  if (missing.length > 0) return `The token has not the scope ${missing.join(' ')}`
  const own: unknown = claims['cognito:groups']
  const isMember = groups.length === 0 || (Array.isArray(own) && groups.some(group => own.includes(group)))
  return isMember ? undefined : `The token is of none of the groups ${groups.join(', ')}`
}
