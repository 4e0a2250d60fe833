import { names } from '../../../services/platform/resources.ts'

/** A call to AWS, as IAM sees it. */
export interface Call {
  action: string
  /** The ARN of the resource that is called. */
  resource: string
  /** The service that makes the call in the caller's name, such as `s3.us-east-1.amazonaws.com`. */
  via?: string
}

export const REGION = 'us-east-1'
export const ACCOUNT = '000000000000'

export const streamArn = (name: string) => `arn:aws:kinesis:${REGION}:${ACCOUNT}:stream/${name}`
export const tableArn = (name: string) => `arn:aws:dynamodb:${REGION}:${ACCOUNT}:table/${name}`
export const bucketArn = (name: string) => `arn:aws:s3:::${name}`
export const KEY_ARN = `arn:aws:kms:${REGION}:${ACCOUNT}:key/11111111-2222-3333-4444-555555555555`

const keyCall = (service: string, action: string): Call => ({
  action: `kms:${action}`,
  resource: KEY_ARN,
  via: `${service}.${REGION}.amazonaws.com`,
})

/** The calls to KMS that S3 makes for a request, where the bucket is encrypted with a key of the account. */
export function s3KeyCalls(method: string, url: string): Call[] {
  const { pathname, searchParams: query } = new URL(url, 'http://s3')
  const isBucket = pathname.split('/').filter(Boolean).length < 2
  if (isBucket || method === 'DELETE') return []
  // An object and a multipart upload begin with a new data key. Everything later needs that key again.
  const begins = (method === 'PUT' || method === 'POST') && !query.has('uploadId')
  return [keyCall('s3', begins ? 'GenerateDataKey' : 'Decrypt')]
}

/** The calls to KMS that DynamoDB may make for a request, by its documentation, where the table has a key of the account. */
export function dynamoDbKeyCalls(target: string): Call[] {
  const operation = target.split('.')[1] ?? ''
  const reads = ['Decrypt', 'DescribeKey']
  const writes = ['Encrypt', 'GenerateDataKey', 'GenerateDataKeyWithoutPlaintext', 'ReEncryptFrom', 'ReEncryptTo']
  if (/^(?:Get|BatchGet|Query|Scan)/.test(operation)) return reads.map(action => keyCall('dynamodb', action))
  if (!/^(?:Put|Update|Delete)Item$/.test(operation)) return []
  return [...reads, ...writes].map(action => keyCall('dynamodb', action))
}

/** The calls to KMS that Kinesis makes for a request, where the stream is encrypted with a key of the account. */
export function kinesisKeyCalls(target: string): Call[] {
  const operation = target.split('.')[1] ?? ''
  if (/^PutRecords?$/.test(operation)) return [keyCall('kinesis', 'GenerateDataKey')]
  return operation === 'GetRecords' ? [keyCall('kinesis', 'Decrypt')] : []
}

/**
 * Returns the permission that S3 requires for a request with the bucket in its path.
 *
 * https://docs.aws.amazon.com/AmazonS3/latest/API
 */
export function s3Call(method: string, url: string): Call {
  const { pathname, searchParams: query } = new URL(url, 'http://s3')
  const [bucket = '', ...rest] = pathname.slice(1).split('/').map(decodeURIComponent)
  const key = rest.join('/')
  if (key === '') return { action: bucketAction(method, query), resource: bucketArn(bucket) }
  return { action: objectAction(method, query), resource: `${bucketArn(bucket)}/${key}` }
}

function bucketAction(method: string, query: URLSearchParams): string {
  if (method === 'HEAD' || (method === 'GET' && query.has('list-type'))) return 's3:ListBucket'
  if (method === 'GET' && query.has('uploads')) return 's3:ListBucketMultipartUploads'
  throw new Error(`${method} ?${query} of a bucket is not understood here`)
}

function objectAction(method: string, query: URLSearchParams): string {
  if (query.has('tagging') && method === 'GET') return 's3:GetObjectTagging'
  if (method === 'PUT' || method === 'POST') return 's3:PutObject'
  if (method === 'DELETE') return query.has('uploadId') ? 's3:AbortMultipartUpload' : 's3:DeleteObject'
  if (query.has('uploadId')) return 's3:ListMultipartUploadParts'
  return query.has('versionId') ? 's3:GetObjectVersion' : 's3:GetObject'
}

/** The parts of a request that name its table. A batch names tables in `RequestItems`, here always one. */
interface DynamoDbRequest {
  TableName?: string
  RequestItems?: Record<string, unknown>
  IndexName?: string
}

/** Returns a call of DynamoDB by its target, such as `DynamoDB_20120810.PutItem`, and its body. */
export function dynamoDbCall(target: string, body: Buffer): Call {
  const { TableName, RequestItems, IndexName } = JSON.parse(body.toString()) as DynamoDbRequest
  const table = tableArn(TableName ?? Object.keys(RequestItems ?? {}).join())
  return {
    action: `dynamodb:${target.split('.')[1]}`,
    resource: IndexName === undefined ? table : `${table}/index/${IndexName}`,
  }
}

/** Returns a call of Kinesis. There is only one stream, because a request with an iterator does not name it. */
export function kinesisCall(target: string): Call {
  return { action: `kinesis:${target.split('.')[1]}`, resource: streamArn(names.stream) }
}
