import type { Fault } from '../fault-proxy.ts'
import { answer } from './faults.ts'

export type AwsService = 's3' | 'kinesis' | 'dynamodb'

export interface AwsError {
  status: number
  code: string
  message?: string
}

/** Responds with an error in the format of the service: XML for S3, JSON with a `__type` for the others. */
export function awsError(service: AwsService, { status, code, message = 'Injected by the test.' }: AwsError): Fault {
  const headers = { 'x-amzn-requestid': 'INJECTED' }
  if (service === 's3') {
    const xml = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${message}</Message><RequestId>INJECTED</RequestId></Error>`
    return answer(status, { ...headers, 'x-amz-request-id': 'INJECTED', 'content-type': 'application/xml' }, xml)
  }
  const json = { ...headers, 'content-type': `application/x-amz-json-${service === 'kinesis' ? '1.1' : '1.0'}` }
  const type = service === 'kinesis' ? code : `com.amazonaws.dynamodb.v20120810#${code}`
  return answer(status, json, JSON.stringify({ __type: type, message }))
}

const THROTTLED: Record<AwsService, AwsError> = {
  s3: { status: 503, code: 'SlowDown', message: 'Please reduce your request rate.' },
  kinesis: {
    status: 400,
    code: 'ProvisionedThroughputExceededException',
    message: 'Rate exceeded for shard shardId-000000000000 in stream.',
  },
  dynamodb: {
    status: 400,
    code: 'ProvisionedThroughputExceededException',
    message: 'The level of configured provisioned throughput for the table was exceeded.',
  },
}

/** Responds with the throttling error of the service. */
export function throttled(service: AwsService): Fault {
  return awsError(service, THROTTLED[service])
}

/** Responds with the internal error of the service. */
export function internalError(service: AwsService): Fault {
  const codes = { s3: 'InternalError', kinesis: 'InternalFailure', dynamodb: 'InternalServerError' }
  return awsError(service, { status: 500, code: codes[service] })
}
