import { type Credentials, callQuery, type Target } from '../support/call.ts'
import { elements, physicalIds } from './stacks.ts'

/** The statements of a policy document. */
interface Statement {
  Effect: string
  Action: string | string[]
}

interface Policy {
  Statement: Statement[]
}

/** Returns the name of the role whose logical id starts like this. */
export async function roleName(target: Target, stack: string, beginning: string): Promise<string> {
  const ids = [...(await physicalIds(target, stack))].filter(([id]) => new RegExp(`^${beginning}[0-9A-F]{8}$`).test(id))
  const [found] = ids
  if (found === undefined || ids.length > 1) throw new Error(`${stack} has ${ids.length} roles ${beginning}`)
  return found[1]
}

/** Assumes a role as its service does. The trust policy of the role is changed to allow that to the account's root. */
export async function assumeRole(target: Target, RoleName: string): Promise<Credentials> {
  const role = await callQuery(target, 'iam', 'GetRole', { RoleName })
  const [arn = ''] = elements(role, 'Arn')
  const account = arn.split(':')[4] ?? ''
  const trust = { Effect: 'Allow', Principal: { AWS: `arn:aws:iam::${account}:root` }, Action: 'sts:AssumeRole' }
  const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement: [trust] })
  await callQuery(target, 'iam', 'UpdateAssumeRolePolicy', { RoleName, PolicyDocument })
  const given = await callQuery(target, 'sts', 'AssumeRole', { RoleArn: arn, RoleSessionName: 'task' })
  const [accessKeyId = ''] = elements(given, 'AccessKeyId')
  const [secretAccessKey = ''] = elements(given, 'SecretAccessKey')
  const [sessionToken = ''] = elements(given, 'SessionToken')
  return { accessKeyId, secretAccessKey, sessionToken }
}

/**
 * Removes an action from every policy of a role. Resolves to a function that restores it.
 *
 * @throws Error if no policy of the role allows the action
 */
export async function takeAway(target: Target, RoleName: string, action: string): Promise<() => Promise<void>> {
  const listed = await callQuery(target, 'iam', 'ListRolePolicies', { RoleName })
  const undo: Array<() => Promise<void>> = []
  for (const PolicyName of elements(listed, 'member')) {
    const got = await callQuery(target, 'iam', 'GetRolePolicy', { RoleName, PolicyName })
    const document = decodeURIComponent(elements(got, 'PolicyDocument')[0] ?? '')
    const policy = JSON.parse(document) as Policy
    const put = async (PolicyDocument: string) => {
      await callQuery(target, 'iam', 'PutRolePolicy', { RoleName, PolicyName, PolicyDocument })
    }
    if (!policy.Statement.some(({ Action }) => [Action].flat().includes(action))) continue
    const kept = policy.Statement.map(statement => {
      return { ...statement, Action: [statement.Action].flat().filter(other => other !== action) }
    }).filter(({ Action }) => Action.length > 0)
    await put(JSON.stringify({ ...policy, Statement: kept }))
    undo.push(() => put(document))
  }
  if (undo.length === 0) throw new Error(`${RoleName} has no policy that allows ${action}`)
  return async () => {
    for (const giveBack of undo) await giveBack()
  }
}
