import { Aspects, RemovalPolicy, type Stack } from 'aws-cdk-lib'
import { CfnLogGroup, LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs'
import type { Construct } from 'constructs'
import { acknowledge } from '../acknowledge.ts'
import type { Data } from '../data/data-stack.ts'
import type { Settings } from '../settings/schema.ts'

/** Creates a log group that keeps its lines for `logDays` and, with `keepData`, outlives its stack. */
export function createLogGroup(scope: Construct, id: string, { logDays, keepData }: Settings): LogGroup {
  return new LogGroup(scope, id, {
    // The members of RetentionDays are numbers of days.
    retention: logDays as RetentionDays,
    removalPolicy: keepData ? RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE : RemovalPolicy.DESTROY,
  })
}

/** Encrypts every log group of the stack with the key, or accepts AWS's own key where the deployment has no key. */
export function encryptLogGroups(stack: Stack, { keyArn }: Data): void {
  Aspects.of(stack).add({
    visit(node) {
      if (!(node instanceof CfnLogGroup)) return
      if (keyArn !== undefined) node.kmsKeyId = keyArn
      else
        acknowledge(node, {
          CKV_AWS_158: 'AWS’s own key encrypts the log. One of the account does with encryption=customer.',
        })
    },
  })
}
