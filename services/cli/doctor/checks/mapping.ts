import { createHash } from 'node:crypto'
import { createSigner } from '../../../platform/direct/sigv4.ts'
import { attempt, RequestFailedError } from '../attempt.ts'
import { type Check, type CheckContext, failed, ok, skipped } from '../check.ts'
import { endpointOf, fetchText, parseJsonObject } from '../http.ts'

export const mapping: Check = {
  id: 'mapping',
  title: 'the event source mapping invokes the function, so that records are processed',
  async run(context) {
    const { PROCESSOR_FUNCTION: lambda, STREAM_NAME: stream } = context.config
    if (lambda === undefined) return skipped('PROCESSOR_FUNCTION is not set: see the check `leases`')
    const mappings = await listMappings(context, lambda)
    const found = mappings.find(({ EventSourceArn }) => EventSourceArn?.endsWith(`:stream/${stream}`))
    if (!found) {
      return failed(
        `${lambda} has no event source mapping of the stream ${stream}`,
        `Create a mapping: aws lambda create-event-source-mapping --function-name ${lambda} --event-source-arn … --starting-position TRIM_HORIZON --function-response-types ReportBatchItemFailures`,
      )
    }
    const { UUID, State, LastProcessingResult: last, FunctionResponseTypes: types = [] } = found
    const seen = `the mapping is ${State}, with the last result: ${last ?? 'none yet'}`
    if (State !== 'Enabled' && State !== 'Updating') {
      return failed(seen, `Enable the mapping: aws lambda update-event-source-mapping --uuid ${UUID} --enabled`)
    }
    if (/PROBLEM|denied/i.test(last ?? '')) {
      const advice = `See the log of ${lambda}. If Lambda cannot read the stream, the role of the function needs kinesis:GetRecords, GetShardIterator, DescribeStreamSummary, ListShards and DescribeStream.`
      return failed(seen, advice)
    }
    if (!types.includes('ReportBatchItemFailures')) {
      return failed(
        `${seen}. The mapping ignores which records failed, so failures count as successes`,
        `Enable reports of failures: aws lambda update-event-source-mapping --uuid ${UUID} --function-response-types ReportBatchItemFailures`,
      )
    }
    return ok(seen)
  },
}

/** The fields of a mapping that the check reads, by Lambda's names. */
interface Mapping {
  UUID?: string
  EventSourceArn?: string
  State?: string
  LastProcessingResult?: string
  FunctionResponseTypes?: string[]
}

const PATH = '/2015-03-31/event-source-mappings/'
const NO_BODY = createHash('sha256').digest('hex')

/** Lists the event source mappings of a function by one signed request. The SDK's client for Lambda has several megabytes. */
async function listMappings({ config, aws, env, signal, now }: CheckContext, lambda: string): Promise<Mapping[]> {
  const { AWS_REGION: region } = config
  const endpoint = new URL(endpointOf('lambda', region, env))
  // The action that lists mappings has no resource: policies must allow it on `*`.
  const target = { action: 'lambda:ListEventSourceMappings', resource: '*', variable: 'PROCESSOR_FUNCTION' }
  const credentials = await attempt(target, aws.kinesis.config.credentials())
  const query = { FunctionName: lambda }
  const request = { method: 'GET', path: PATH, query, headers: { host: endpoint.host }, payloadHash: NO_BODY }
  const { host: _host, ...headers } = createSigner({ region, service: 'lambda' })(request, credentials, new Date(now()))
  const url = `${endpoint.origin}${PATH}?${new URLSearchParams(query)}`
  const response = await fetchText(url, { headers, signal }, target)
  const body = parseJsonObject(response.text) ?? {}
  if (response.status !== 200) {
    throw new RequestFailedError(target, toSdkError(response.status, response.headers.get('x-amzn-errortype'), body))
  }
  const { EventSourceMappings: mappings } = body
  return Array.isArray(mappings) ? mappings : []
}

/** Returns an error in the format of the SDK. */
function toSdkError(status: number, type: string | null, { message, Message }: Record<string, unknown>): Error {
  const error = new Error(String(message ?? Message ?? status))
  error.name = type?.split(':')[0] ?? 'LambdaError'
  return Object.assign(error, { $metadata: { httpStatusCode: status } })
}
