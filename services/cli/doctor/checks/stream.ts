import { DescribeStreamSummaryCommand } from '@aws-sdk/client-kinesis'
import { arn, attempt } from '../attempt.ts'
import { type Check, failed, ok } from '../check.ts'

export const stream: Check = {
  id: 'stream',
  title: 'the stream is active',
  async run({ config, aws, signal }) {
    const StreamName = config.STREAM_NAME
    const resource = arn.stream(config.AWS_REGION, StreamName)
    const target = { action: 'kinesis:DescribeStreamSummary', resource, variable: 'STREAM_NAME' }
    const description = aws.kinesis.send(new DescribeStreamSummaryCommand({ StreamName }), { abortSignal: signal })
    const { StreamDescriptionSummary: summary } = await attempt(target, description)
    const status = summary?.StreamStatus
    const seen = `${StreamName} is ${status}, with ${summary?.OpenShardCount} open shards`
    // The stream is available while it is resharded, in the status UPDATING.
    if (status === 'ACTIVE' || status === 'UPDATING') return ok(seen)
    return failed(
      seen,
      status === 'CREATING'
        ? 'Wait until the stream is ACTIVE, about a minute.'
        : 'The stream is being deleted. Create it again, or set STREAM_NAME.',
    )
  },
}
