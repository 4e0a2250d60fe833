import { Aws } from 'aws-cdk-lib'
import { PolicyStatement } from 'aws-cdk-lib/aws-iam'
import { keyPrefixes, uploadsTable } from '../../services/platform/resources.ts'
import type { Data, Named } from '../data/data-stack.ts'
import type { Settings } from '../settings/schema.ts'

/**
 * The statements of each duty, by exact actions on exact resources. A test compares each list with the calls that the code makes:
 * no call is denied, and no permission is unused.
 */

const allow = (actions: string[], ...resources: string[]) => new PolicyStatement({ actions, resources })

const under = (bucket: Named, ...prefixes: string[]) => prefixes.map(prefix => `${bucket.arn}/${prefix}*`)

const index = (table: Named) => `${table.arn}/index/${uploadsTable.indexes[0].name}`
const notificationsIndex = (table: Named) => `${table.arn}/index/${uploadsTable.indexes[1].name}`

/** Serves requests. */
export function serving({ uploadBucket, processedBucket, uploadsTable: table, stream }: Data): PolicyStatement[] {
  const { uploads, tails, processed } = keyPrefixes
  return [
    // Without s3:ListBucket, S3 answers 403 for a missing object. The statement has no prefix because HeadBucket has none.
    allow(['s3:ListBucket'], uploadBucket.arn, processedBucket.arn),
    allow(['s3:GetObject', 's3:PutObject', 's3:DeleteObject'], ...under(uploadBucket, uploads, tails)),
    allow(['s3:AbortMultipartUpload', 's3:ListMultipartUploadParts'], ...under(uploadBucket, uploads)),
    allow(['s3:GetObject', 's3:DeleteObject'], ...under(processedBucket, processed)),
    allow(
      [
        'dynamodb:DescribeTable',
        'dynamodb:GetItem',
        'dynamodb:PutItem',
        'dynamodb:UpdateItem',
        'dynamodb:DeleteItem',
        'dynamodb:Query',
      ],
      table.arn,
    ),
    allow(['kinesis:PutRecords', 'kinesis:DescribeStreamSummary'], stream.arn),
  ]
}

/** Ends pending uploads that never arrived. */
export function sweeping({ uploadBucket, uploadsTable: table }: Data): PolicyStatement[] {
  const { uploads, tails } = keyPrefixes
  return [
    allow(['s3:DeleteObject'], ...under(uploadBucket, uploads, tails)),
    allow(['s3:AbortMultipartUpload'], ...under(uploadBucket, uploads)),
    // Updates the quota of an owner whose upload has expired.
    allow(['dynamodb:PutItem', 'dynamodb:UpdateItem', 'dynamodb:DeleteItem', 'dynamodb:GetItem'], table.arn),
    allow(['dynamodb:Query'], index(table)),
  ]
}

/** Processes uploads. */
export function processing({ uploadBucket, processedBucket, uploadsTable: table }: Data): PolicyStatement[] {
  const { uploads, processed, deadLetters } = keyPrefixes
  return [
    // As for serving: otherwise S3 answers 403 for a missing object.
    allow(['s3:ListBucket'], uploadBucket.arn),
    // Finds the further outputs of an upload that failed or was deleted.
    allow(['s3:ListBucket'], processedBucket.arn),
    allow(['s3:GetObject'], ...under(uploadBucket, uploads)),
    allow(['s3:PutObject', 's3:DeleteObject', 's3:AbortMultipartUpload'], ...under(processedBucket, processed)),
    // Finds a large output whose multipart upload was completed, but whose response was lost.
    allow(['s3:GetObject'], ...under(processedBucket, processed)),
    // Deletes a dead letter whose upload is deleted at the same time.
    allow(['s3:PutObject', 's3:DeleteObject'], ...under(processedBucket, deadLetters)),
    allow(
      ['dynamodb:GetItem', 'dynamodb:UpdateItem', 'dynamodb:PutItem', 'dynamodb:Query', 'dynamodb:DeleteItem'],
      table.arn,
    ),
  ]
}

/** Processes objects of other producers, under any key. */
export function processingAnyKey({ uploadBucket, processedBucket }: Data): PolicyStatement[] {
  return [
    allow(['s3:GetObject'], `${uploadBucket.arn}/*`),
    allow(
      ['s3:GetObject', 's3:PutObject', 's3:DeleteObject', 's3:AbortMultipartUpload'],
      ...under(processedBucket, keyPrefixes.processedOther),
    ),
  ]
}

/** Publishes the events in the outbox, and finishes interrupted deletions. */
export function relaying({ uploadBucket, processedBucket, uploadsTable: table, stream }: Data): PolicyStatement[] {
  return [
    allow(
      ['s3:DeleteObject'],
      ...under(uploadBucket, keyPrefixes.uploads),
      ...under(processedBucket, keyPrefixes.processed),
    ),
    allow(['s3:ListBucket'], processedBucket.arn),
    allow(['dynamodb:UpdateItem', 'dynamodb:PutItem', 'dynamodb:DeleteItem'], table.arn),
    allow(['dynamodb:Query'], table.arn, index(table)),
    allow(['kinesis:PutRecords'], stream.arn),
  ]
}

/** Sends the notifications that are due, and stores those that are given up. */
export function relayingNotifications({ processedBucket, uploadsTable: table }: Data): PolicyStatement[] {
  return [
    allow(['dynamodb:Query'], notificationsIndex(table)),
    allow(['dynamodb:UpdateItem'], table.arn),
    allow(['s3:PutObject'], ...under(processedBucket, `${keyPrefixes.deadLetters}notifications/`)),
  ]
}

/** Reads the tags by which GuardDuty says what it found. */
export function readingVerdicts({ uploadBucket }: Data, anyKey: boolean): PolicyStatement[] {
  return [
    // As for processing: otherwise S3 answers 403 for a missing object.
    allow(['s3:ListBucket'], uploadBucket.arn),
    allow(['s3:GetObjectTagging'], ...(anyKey ? [`${uploadBucket.arn}/*`] : under(uploadBucket, keyPrefixes.uploads))),
  ]
}

/** Queues uploads whose verdict is there. */
export function relayingScans({ uploadsTable: table, stream }: Data): PolicyStatement[] {
  return [
    allow(['dynamodb:Query'], notificationsIndex(table)),
    allow(['dynamodb:UpdateItem', 'dynamodb:DeleteItem'], table.arn),
    allow(['kinesis:PutRecords'], stream.arn),
  ]
}

/** Finds objects that a crash of the api orphaned, and republishes or deletes them. */
export function sweepingOrphans({ uploadBucket, processedBucket, uploadsTable: table }: Data): PolicyStatement[] {
  const { uploads, tails, processed } = keyPrefixes
  return [
    allow(['s3:ListBucket'], uploadBucket.arn, processedBucket.arn),
    allow(['s3:ListBucketMultipartUploads'], uploadBucket.arn),
    allow(['s3:GetObject', 's3:AbortMultipartUpload'], ...under(uploadBucket, uploads)),
    allow(['s3:DeleteObject'], ...under(uploadBucket, uploads, tails)),
    allow(['s3:GetObject'], ...under(processedBucket, processed)),
    allow(['dynamodb:GetItem', 'dynamodb:BatchGetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'], table.arn),
  ]
}

/** With flat keys, checks that an object still belongs to the upload before deleting it. */
export function deletingFlatKeys({ uploadBucket, processedBucket }: Data): PolicyStatement[] {
  return [
    allow(['s3:ListBucket'], uploadBucket.arn, processedBucket.arn),
    allow(
      ['s3:GetObject'],
      ...under(uploadBucket, keyPrefixes.uploads),
      ...under(processedBucket, keyPrefixes.processed),
    ),
  ]
}

/** With flat keys, serves the version of the object that belongs to the upload. */
export function servingFlatKeys({ uploadBucket, processedBucket }: Data): PolicyStatement[] {
  return [
    allow(
      ['s3:GetObjectVersion'],
      ...under(uploadBucket, keyPrefixes.uploads),
      ...under(processedBucket, keyPrefixes.processed),
    ),
  ]
}

/** Reads the stream by leases. */
export function consuming({ stream, leaseTable }: Data): PolicyStatement[] {
  return [
    allow(['kinesis:ListShards', 'kinesis:GetShardIterator', 'kinesis:GetRecords'], stream.arn),
    allow(
      [
        'dynamodb:DescribeTable',
        'dynamodb:Scan',
        'dynamodb:GetItem',
        'dynamodb:PutItem',
        'dynamodb:UpdateItem',
        'dynamodb:DeleteItem',
      ],
      leaseTable.arn,
    ),
  ]
}

/** Shows the stream, the leases, the dead letters and the steps of uploads in the console. */
export function watching({ stream, leaseTable, processedBucket, uploadsTable: table }: Data): PolicyStatement[] {
  return [
    allow(['kinesis:ListShards', 'kinesis:GetShardIterator', 'kinesis:GetRecords'], stream.arn),
    allow(['dynamodb:Scan'], leaseTable.arn),
    allow(['s3:ListBucket'], processedBucket.arn),
    allow(['s3:GetObject'], ...under(processedBucket, keyPrefixes.deadLetters)),
    allow(['dynamodb:GetItem'], table.arn),
    allow(['dynamodb:Query'], notificationsIndex(table)),
  ]
}

/** Puts events on the configured event buses, and reads the secrets of the webhooks. */
export function notifying({ notifications }: Pick<Settings, 'notifications'>): PolicyStatement[] {
  const secrets = new Set(notifications.flatMap(({ secrets = [] }) => secrets))
  const buses = new Set(notifications.flatMap(({ eventBus }) => (eventBus === undefined ? [] : [busArn(eventBus)])))
  return [
    ...(buses.size > 0 ? [allow(['events:PutEvents'], ...buses)] : []),
    ...(secrets.size > 0 ? [allow(['secretsmanager:GetSecretValue'], ...secrets)] : []),
  ]
}

function busArn(nameOrArn: string): string {
  if (nameOrArn.startsWith('arn:')) return nameOrArn
  return `arn:${Aws.PARTITION}:events:${Aws.REGION}:${Aws.ACCOUNT_ID}:event-bus/${nameOrArn}`
}

/** Sends spans to X-Ray, which has no resources for them: the actions are allowed for all spans or for none. */
export function sendingToXray(): PolicyStatement[] {
  return [allow(['xray:PutSpans', 'xray:PutSpansForIndexing'], '*')]
}

/** Reads the secret with the headers for an OTLP endpoint. */
export function readingHeaders(secretArn: string): PolicyStatement[] {
  return [allow(['secretsmanager:GetSecretValue'], secretArn)]
}

/** Lets Lambda's event source mapping act in the name of the function. No code of this repository makes these calls. */
export function mappedByLambda({ stream }: Pick<Data, 'stream'>, failures: Named): PolicyStatement[] {
  return [
    allow(
      [
        'kinesis:DescribeStream',
        'kinesis:DescribeStreamSummary',
        'kinesis:GetRecords',
        'kinesis:GetShardIterator',
        'kinesis:ListShards',
      ],
      stream.arn,
    ),
    allow(['sqs:SendMessage'], failures.arn),
  ]
}
