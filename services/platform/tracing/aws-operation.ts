/** A request to AWS, as a client's request handler has it. */
export interface AwsRequest {
  method: string
  query?: Readonly<Record<string, unknown>> | undefined
  headers: Readonly<Record<string, string>>
}

/** The names that AWS's own API has for them. */
export interface AwsOperation {
  service: string
  method: string
}

/** What a request asks for: DynamoDB and Kinesis are told by a header, S3 by the verb and the query. */
export function awsOperation({ method, query = {}, headers }: AwsRequest): AwsOperation {
  const target = headers['x-amz-target'] ?? headers['X-Amz-Target']
  if (target === undefined) return { service: 'S3', method: s3Operation(method, query) }
  const [service = '', operation = ''] = target.split('.')
  return { service: service.replace(/_\d+$/, ''), method: operation }
}

function s3Operation(method: string, query: Readonly<Record<string, unknown>>): string {
  const named = query['x-id']
  if (typeof named === 'string') return named
  switch (method) {
    case 'PUT':
      return 'partNumber' in query ? 'UploadPart' : 'PutObject'
    case 'POST':
      if ('uploads' in query) return 'CreateMultipartUpload'
      return 'uploadId' in query ? 'CompleteMultipartUpload' : 'DeleteObjects'
    case 'DELETE':
      return 'uploadId' in query ? 'AbortMultipartUpload' : 'DeleteObject'
    case 'HEAD':
      return 'HeadObject'
    default:
      if ('list-type' in query) return 'ListObjectsV2'
      if ('uploads' in query) return 'ListMultipartUploads'
      return 'uploadId' in query ? 'ListParts' : 'GetObject'
  }
}
