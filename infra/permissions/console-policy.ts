import { CfnOutput } from 'aws-cdk-lib'
import { ManagedPolicy } from 'aws-cdk-lib/aws-iam'
import type { Construct } from 'constructs'
import { acknowledgePrefixes } from '../acknowledge.ts'
import type { Data } from '../data/data-stack.ts'
import { keyStatements } from './key-statements.ts'
import { watching } from './statements.ts'

/**
 * Creates a policy that allows what the console reads, and no change. It is attached to nobody: an operator attaches it to the role or
 * permission set of the people who may look at the data.
 */
export function createConsolePolicy(scope: Construct, data: Data): ManagedPolicy {
  const statements = watching(data)
  const policy = new ManagedPolicy(scope, 'ConsolePolicy', {
    description:
      'Lets the console of Headgate read the stream, the leases, the dead letters, the notifications and the records of uploads.',
    statements: [...statements, ...keyStatements(statements, data.dataKeyArns)],
  })
  acknowledgePrefixes(policy, statements)
  new CfnOutput(scope, 'ConsolePolicyArnOutput', { value: policy.managedPolicyArn }).overrideLogicalId(
    'ConsolePolicyArn',
  )
  return policy
}
