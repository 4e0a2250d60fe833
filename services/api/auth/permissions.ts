/** The scopes and groups that a token needs for a route. */
export interface RequiredPermissions {
  /** The token's `scope` must have all of them. Only access tokens have a scope. */
  scopes: readonly string[]
  /** The token's `cognito:groups` must have one of them. If the list is empty, no group is needed. */
  groups: readonly string[]
}

export type Access = 'read' | 'write'

/** Returns what a token lacks, as a message for the client. Returns undefined if it lacks nothing. */
export function missingPermission(
  claims: Readonly<Record<string, unknown>>,
  { scopes, groups }: RequiredPermissions,
): string | undefined {
  const given = typeof claims.scope === 'string' ? claims.scope.split(' ') : []
  const missing = scopes.filter(scope => !given.includes(scope))
  if (missing.length > 0) return `The token does not have the scope ${missing.join(' ')}`
  const own: unknown = claims['cognito:groups']
  const isMember = groups.length === 0 || (Array.isArray(own) && groups.some(group => own.includes(group)))
  return isMember ? undefined : `The user of the token is in none of the groups ${groups.join(', ')}`
}
