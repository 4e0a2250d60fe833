import { DescribeStreamSummaryCommand } from '@aws-sdk/client-kinesis'
import { arn, attempt } from '../attempt.ts'
import { type Check, failed, ok } from '../check.ts'

export const stream: Check = {
  id: 'stream',
  title: 'the stream is active',
  async run({ config, aws, signal }) {
    const StreamName = config.STREAM_NAME
    const resource = arn.stream(config.AWS_REGION, StreamName)
    const asked = { action: 'kinesis:DescribeStreamSummary', resource, variable: 'STREAM_NAME' }
    const asking_ = aws.kinesis.send(new DescribeStreamSummaryCommand({ StreamName }), { abortSignal: signal })
    const { StreamDescriptionSummary: summary } = await attempt(asked, asking_)
    const status = summary?.StreamStatus
    const seen = `${StreamName} is ${status}, with ${summary?.OpenShardCount} open shards`
    // It takes and gives records while it is resharded.
    if (status === 'ACTIVE' || status === 'UPDATING') return ok(seen)
    return failed(
      seen,
      status === 'CREATING'
        ? 'Wait until it is ACTIVE: a minute or so.'
        : 'It is being deleted: create it again, or set STREAM_NAME.',
    )
  },
}
