import { type Check, failed, ok, skipped } from '../check.ts'
import { listMappings } from '../mappings.ts'

export const mapping: Check = {
  id: 'mapping',
  title: 'the event source mapping brings the records to the function: the processor is triggered',
  async run(context) {
    const { PROCESSOR_FUNCTION: lambda, STREAM_NAME: stream } = context.config
    if (lambda === undefined) return skipped('PROCESSOR_FUNCTION is not set: see the check `leases`')
    const mappings = await listMappings(context, lambda)
    const found = mappings.find(({ EventSourceArn }) => EventSourceArn?.endsWith(`:stream/${stream}`))
    if (!found) {
      return failed(
        `${lambda} has no mapping of the stream ${stream}`,
        `Make one: aws lambda create-event-source-mapping --function-name ${lambda} --event-source-arn … --starting-position TRIM_HORIZON --function-response-types ReportBatchItemFailures`,
      )
    }
    const { UUID, State, LastProcessingResult: last, FunctionResponseTypes: types = [] } = found
    const seen = `the mapping is ${State}, and came last to: ${last ?? 'nothing yet'}`
    if (State !== 'Enabled' && State !== 'Updating') {
      return failed(seen, `Enable it: aws lambda update-event-source-mapping --uuid ${UUID} --enabled`)
    }
    if (/PROBLEM|denied/i.test(last ?? '')) {
      const advice = `See the log of ${lambda}. Where Lambda cannot read the stream, its role needs kinesis:GetRecords, GetShardIterator, DescribeStreamSummary, ListShards and DescribeStream.`
      return failed(seen, advice)
    }
    if (!types.includes('ReportBatchItemFailures')) {
      return failed(
        `${seen}; it does not report which records failed, so that a failure is taken as success`,
        `aws lambda update-event-source-mapping --uuid ${UUID} --function-response-types ReportBatchItemFailures`,
      )
    }
    return ok(seen)
  },
}
