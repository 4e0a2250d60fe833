import { Aws } from 'aws-cdk-lib'
import { PolicyStatement } from 'aws-cdk-lib/aws-iam'

const READ = ['kms:Decrypt']
const WRITE = ['kms:GenerateDataKey']
const DYNAMODB_READ = ['kms:Decrypt', 'kms:DescribeKey']
const DYNAMODB_WRITE = [
  ...DYNAMODB_READ,
  'kms:Encrypt',
  'kms:GenerateDataKey',
  'kms:GenerateDataKeyWithoutPlaintext',
  'kms:ReEncryptFrom',
  'kms:ReEncryptTo',
]

/**
 * What a service asks of a KMS key in the name of the caller of an action, where the key is not AWS's own. Actions that are
 * missing here touch no encrypted data.
 *
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
 * https://docs.aws.amazon.com/streams/latest/dev/permissions-user-key-KMS.html
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.howitworks.html
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
 */
const KEY_ACTIONS: Readonly<Record<string, readonly string[]>> = {
  's3:GetObject': READ,
  's3:GetObjectVersion': READ,
  // A part of a multipart upload is encrypted with the data key of the parts before it, which S3 decrypts first.
  's3:PutObject': [...WRITE, ...READ],
  's3:ListMultipartUploadParts': READ,
  'kinesis:GetRecords': READ,
  'kinesis:PutRecords': WRITE,
  'dynamodb:GetItem': DYNAMODB_READ,
  'dynamodb:BatchGetItem': DYNAMODB_READ,
  'dynamodb:Query': DYNAMODB_READ,
  'dynamodb:Scan': DYNAMODB_READ,
  'dynamodb:PutItem': DYNAMODB_WRITE,
  'dynamodb:UpdateItem': DYNAMODB_WRITE,
  'dynamodb:DeleteItem': DYNAMODB_WRITE,
  'sqs:SendMessage': [...WRITE, ...READ],
  'secretsmanager:GetSecretValue': READ,
}

/**
 * Returns what a role with these statements needs of the keys that its data is encrypted with: by exact actions, and only
 * through the services that the statements are about.
 *
 * @param keyArns no statement is returned where there are none
 */
export function keyStatements(statements: readonly PolicyStatement[], keyArns: readonly string[]): PolicyStatement[] {
  if (keyArns.length === 0) return []
  const needed = new Map<string, Set<string>>()
  for (const action of statements.flatMap(statement => statement.actions)) {
    const service = action.slice(0, action.indexOf(':'))
    for (const keyAction of KEY_ACTIONS[action] ?? []) {
      needed.set(service, (needed.get(service) ?? new Set()).add(keyAction))
    }
  }
  return [...needed].map(
    ([service, actions]) =>
      new PolicyStatement({
        actions: [...actions],
        resources: [...keyArns],
        conditions: { StringEquals: { 'kms:ViaService': `${service}.${Aws.REGION}.amazonaws.com` } },
      }),
  )
}
