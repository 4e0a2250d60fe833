import type { Call } from './calls.ts'
import type { Resolve } from './resolve.ts'
import { ofType, type Synthesized } from './synthesize.ts'

/** One action on one resource, or on every resource whose ARN has the prefix. */
export interface Permission {
  action: string
  resource: string
  /** The one service that may make the call in the caller's name. */
  via?: string
}

interface Statement {
  Effect: string
  Action: string | string[]
  Resource: string | string[]
  Condition?: { StringEquals?: { 'kms:ViaService'?: unknown } }
}

/** Returns every permission in the inline policies of a role. */
export function permissionsOf({ compute }: Synthesized, role: string, resolve: Resolve): Permission[] {
  const found = ofType(compute, 'AWS::IAM::Role').filter(([id]) => new RegExp(`^${role}Role[0-9A-F]{8}$`).test(id))
  if (found.length !== 1) throw new Error(`There are ${found.length} roles of ${role}`)
  const policies = found[0]?.[1].Properties?.Policies as Array<{ PolicyDocument: { Statement: Statement[] } }>
  return permissionsIn(
    policies.flatMap(({ PolicyDocument }) => PolicyDocument.Statement),
    resolve,
  )
}

/** Returns every permission in the managed policy of the console. */
export function permissionsOfConsole({ compute }: Synthesized, resolve: Resolve): Permission[] {
  const found = ofType(compute, 'AWS::IAM::ManagedPolicy').filter(([id]) => id.startsWith('ConsolePolicy'))
  if (found.length !== 1) throw new Error(`There are ${found.length} policies of the console`)
  const document = found[0]?.[1].Properties?.PolicyDocument as { Statement: Statement[] }
  return permissionsIn(document.Statement, resolve)
}

function permissionsIn(statements: readonly Statement[], resolve: Resolve): Permission[] {
  return statements.flatMap(({ Effect, Action, Resource, Condition }) => {
    if (Effect !== 'Allow') throw new Error(`Effect ${Effect} is not understood here`)
    const service = Condition?.StringEquals?.['kms:ViaService']
    if (Condition && service === undefined) throw new Error(`${JSON.stringify(Condition)} is not understood here`)
    const via = service === undefined ? {} : { via: String(resolve(service)) }
    const resources = [resolve(Resource)].flat().map(String)
    return [Action].flat().flatMap(action => resources.map(resource => ({ action, resource, ...via })))
  })
}

/** Returns true if the permission allows the call. A wildcard is only at the end of a resource, and never in an action. */
export function allows({ action, resource, via }: Permission, call: Call): boolean {
  if (action !== call.action || (via !== undefined && via !== call.via)) return false
  return resource.endsWith('*') ? call.resource.startsWith(resource.slice(0, -1)) : call.resource === resource
}

/** Returns the calls that no permission allows, and the permissions that no call needs. */
export function surprises(permissions: readonly Permission[], calls: readonly Call[]) {
  return {
    refused: calls.filter(call => !permissions.some(permission => allows(permission, call))).map(describe),
    unused: permissions.filter(permission => !calls.some(call => allows(permission, call))).map(describe),
  }
}

export const describe = ({ action, resource, via }: Call | Permission) =>
  `${action} ${resource}${via === undefined ? '' : ` via ${via}`}`
