import type { UndiciHttpHandler } from '@smithy/undici-http-handler'
import { typeOf } from './otel-span.ts'
import type { Tracing } from './tracing.ts'

/**
 * Records a span for each HTTP request to AWS that is sent within a span, until the headers of the response arrive. Each retry has its
 * own span. SDK requests and direct requests both pass through the handler. Requests outside of a span (the consumer's reads, leases,
 * sweeps) are not recorded.
 *
 * https://opentelemetry.io/docs/specs/semconv/cloud-providers/aws-sdk/
 */
export function traceRequests(handler: UndiciHttpHandler, tracing: Tracing): UndiciHttpHandler {
  const send = handler.handle.bind(handler)
  handler.handle = async (request, options) => {
    if (!tracing.current()?.isRecorded) return send(request, options)
    const { service, method } = operationOf(request)
    const span = tracing.start({
      name: `${service}.${method}`,
      kind: 'client',
      attributes: {
        'rpc.system': 'aws-api',
        'rpc.service': service,
        'rpc.method': method,
        'http.request.method': request.method,
        'server.address': request.hostname,
        ...(request.port !== undefined && { 'server.port': request.port }),
      },
    })
    try {
      const result = await send(request, options)
      const { statusCode } = result.response
      span.set({ 'http.response.status_code': statusCode })
      if (isFault(statusCode)) span.fail(String(statusCode))
      return result
    } catch (error) {
      span.fail(typeOf(error))
      throw error
    } finally {
      span.end()
    }
  }
  return handler
}

/** Returns false for statuses that callers expect, such as 400 for a failed condition or 404 for a missing object. */
function isFault(status: number): boolean {
  return status >= 500 || status === 401 || status === 403 || status === 429
}

interface AwsRequest {
  method: string
  query?: Readonly<Record<string, unknown>> | undefined
  headers: Readonly<Record<string, string>>
}

/** Returns the names of the service and the operation in AWS's API. DynamoDB and Kinesis send them in a header, S3 does not. */
function operationOf({ method, query = {}, headers }: AwsRequest): { service: string; method: string } {
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
