import type { Call } from './calls.ts'
import type { Resolve } from './resolve.ts'
import { ofType, type Synthesized } from './synthesize.ts'

/** One action on one resource, or on all whose ARN begins as it says. */
export interface Permission {
  action: string
  resource: string
}

interface Statement {
  Effect: string
  Action: string | string[]
  Resource: string | string[]
}

/** Everything that a role may do by its inline policy of this name, taken apart. */
export function permissionsOf({ compute }: Synthesized, role: string, resolve: Resolve): Permission[] {
  const found = ofType(compute, 'AWS::IAM::Role').filter(([id]) => new RegExp(`^${role}Role[0-9A-F]{8}$`).test(id))
  if (found.length !== 1) throw new Error(`There are ${found.length} roles of ${role}`)
  const policies = found[0]?.[1].Properties?.Policies as Array<{ PolicyDocument: { Statement: Statement[] } }>
  const statements = policies.flatMap(({ PolicyDocument }) => PolicyDocument.Statement)
  return statements.flatMap(({ Effect, Action, Resource }) => {
    if (Effect !== 'Allow') throw new Error('Only what allows is understood here')
    const resources = [resolve(Resource)].flat().map(String)
    return [Action].flat().flatMap(action => resources.map(resource => ({ action, resource })))
  })
}

/** Whether it allows the call. A star stands at the end alone, and no action has one. */
export function allows({ action, resource }: Permission, call: Call): boolean {
  if (action !== call.action) return false
  return resource.endsWith('*') ? call.resource.startsWith(resource.slice(0, -1)) : call.resource === resource
}

/** Calls that no permission allows, and permissions that no call needs. Nothing of either where policy and code agree. */
export function surprises(permissions: readonly Permission[], calls: readonly Call[]) {
  return {
    refused: calls.filter(call => !permissions.some(permission => allows(permission, call))).map(describe),
    unused: permissions.filter(permission => !calls.some(call => allows(permission, call))).map(describe),
  }
}

const describe = ({ action, resource }: Call | Permission) => `${action} ${resource}`
