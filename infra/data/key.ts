import { ArnFormat, RemovalPolicy, Stack } from 'aws-cdk-lib'
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import { type IKey, Key } from 'aws-cdk-lib/aws-kms'
import type { Construct } from 'constructs'
import { resourceNames, type Settings } from '../settings/schema.ts'

/**
 * Creates the KMS key of a deployment with `encryption=customer`, which rotates every year, or imports `encryptionKeyArn`. Returns
 * undefined with `encryption=aws`: AWS's own keys are used then.
 *
 * Roles of this account get their use of the key from their own policies (`permissions/key-statements.ts`). The key's policy
 * names only the two services that use it without a role: CloudWatch Logs, and CloudWatch where an alarm publishes to its topic.
 */
export function createKey(scope: Construct, settings: Settings): IKey | undefined {
  if (settings.encryption === 'aws') return undefined
  if (settings.encryptionKeyArn !== undefined) return Key.fromKeyArn(scope, 'Key', settings.encryptionKeyArn)
  const key = new Key(scope, 'Key', {
    alias: resourceNames(settings).keyAlias,
    description: `Encrypts the data, logs and alarms of ${settings.name}`,
    enableKeyRotation: true,
    // Data that outlives the stack is unreadable without its key.
    removalPolicy: settings.keepData ? RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE : RemovalPolicy.DESTROY,
  })
  key.addToResourcePolicy(allowLogs(Stack.of(scope), settings))
  key.addToResourcePolicy(allowAlarms(Stack.of(scope)))
  return key
}

/** Lets CloudWatch Logs encrypt the log groups of the compute stack, whose names CloudFormation derives from the stack's. */
function allowLogs(stack: Stack, { name }: Settings): PolicyStatement {
  const logGroups = ['lambda', 'fargate'].map(compute =>
    stack.formatArn({
      service: 'logs',
      resource: 'log-group',
      resourceName: `${name}-${compute}-*`,
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    }),
  )
  return new PolicyStatement({
    principals: [new ServicePrincipal(`logs.${stack.region}.amazonaws.com`)],
    actions: ['kms:Encrypt', 'kms:Decrypt', 'kms:ReEncrypt*', 'kms:GenerateDataKey*', 'kms:DescribeKey'],
    resources: ['*'],
    conditions: { ArnLike: { 'kms:EncryptionContext:aws:logs:arn': logGroups } },
  })
}

/** Lets alarms publish to the encrypted topic. The key that AWS manages for SNS does not allow that. */
function allowAlarms(stack: Stack): PolicyStatement {
  return new PolicyStatement({
    principals: [new ServicePrincipal('cloudwatch.amazonaws.com')],
    actions: ['kms:Decrypt', 'kms:GenerateDataKey*'],
    resources: ['*'],
    conditions: { StringEquals: { 'aws:SourceAccount': stack.account } },
  })
}
