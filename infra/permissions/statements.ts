import { PolicyStatement } from 'aws-cdk-lib/aws-iam'
import { keyPrefixes, uploadsTable } from '../../services/platform/resources.ts'
import type { Data, Named } from '../data/data-stack.ts'

/**
 * What each duty is allowed, by exact actions on exact resources. A test holds each list against the calls that the code was
 * seen to make: nothing is missing, and nothing is allowed that is not used.
 */

const allow = (actions: string[], ...resources: string[]) => new PolicyStatement({ actions, resources })

const under = (bucket: Named, ...prefixes: string[]) => prefixes.map(prefix => `${bucket.arn}/${prefix}*`)

const index = (table: Named) => `${table.arn}/index/${uploadsTable.indexes[0].name}`

/** Answering requests. */
export function serving({ uploadBucket, processedBucket, uploadsTable: table, stream }: Data): PolicyStatement[] {
  const { uploads, tails, processed } = keyPrefixes
  return [
    // Without it S3 says of a missing object that it is forbidden. It has no prefix, because HeadBucket has none.
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

/** Ending uploads that were promised and never came. */
export function sweeping({ uploadBucket, uploadsTable: table }: Data): PolicyStatement[] {
  const { uploads, tails } = keyPrefixes
  return [
    allow(['s3:DeleteObject'], ...under(uploadBucket, uploads, tails)),
    allow(['s3:AbortMultipartUpload'], ...under(uploadBucket, uploads)),
    allow(['dynamodb:PutItem', 'dynamodb:DeleteItem', 'dynamodb:GetItem'], table.arn),
    allow(['dynamodb:Query'], index(table)),
  ]
}

/** Making processed objects of uploads. */
export function processing({ uploadBucket, processedBucket, uploadsTable: table }: Data): PolicyStatement[] {
  const { uploads, processed, deadLetters } = keyPrefixes
  return [
    // As for serving: a missing object has to be told from a forbidden one.
    allow(['s3:ListBucket'], uploadBucket.arn),
    // Further outputs are looked for where an upload failed or was deleted.
    allow(['s3:ListBucket'], processedBucket.arn),
    allow(['s3:GetObject'], ...under(uploadBucket, uploads)),
    allow(['s3:PutObject', 's3:DeleteObject', 's3:AbortMultipartUpload'], ...under(processedBucket, processed)),
    // One is taken back where its upload is deleted in that moment.
    allow(['s3:PutObject', 's3:DeleteObject'], ...under(processedBucket, deadLetters)),
    allow(
      ['dynamodb:GetItem', 'dynamodb:UpdateItem', 'dynamodb:PutItem', 'dynamodb:Query', 'dynamodb:DeleteItem'],
      table.arn,
    ),
  ]
}

/** Processing what other producers put under any key. */
export function processingAnyKey({ uploadBucket, processedBucket }: Data): PolicyStatement[] {
  return [
    allow(['s3:GetObject'], `${uploadBucket.arn}/*`),
    allow(
      ['s3:PutObject', 's3:DeleteObject', 's3:AbortMultipartUpload'],
      ...under(processedBucket, keyPrefixes.processedOther),
    ),
  ]
}

/** Publishing events that are in the outbox, and finishing deletions that broke off. */
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

/** Finding what a crash of the api left, and giving it to the outbox or removing it. */
export function sweepingStrays({ uploadBucket, processedBucket, uploadsTable: table }: Data): PolicyStatement[] {
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

/** Where a key is a name alone, an object is looked at before it is deleted: it may be another upload's by then. */
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

/** And it is given out by its version. */
export function servingFlatKeys({ uploadBucket, processedBucket }: Data): PolicyStatement[] {
  return [
    allow(
      ['s3:GetObjectVersion'],
      ...under(uploadBucket, keyPrefixes.uploads),
      ...under(processedBucket, keyPrefixes.processed),
    ),
  ]
}

/** Reading the stream by leases. */
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

/** Sending spans to X-Ray. They are no resources: it is allowed for all or for none. */
export function tellingXray(): PolicyStatement[] {
  return [allow(['xray:PutSpans', 'xray:PutSpansForIndexing'], '*')]
}

/** Reading the headers of an endpoint of OTLP. */
export function readingHeaders(secretArn: string): PolicyStatement[] {
  return [allow(['secretsmanager:GetSecretValue'], secretArn)]
}

/** What Lambda's event source mapping does in the name of the function. No code of ours makes these calls. */
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
