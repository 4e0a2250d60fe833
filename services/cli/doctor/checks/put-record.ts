import { InvalidArgumentException, PutRecordCommand } from '@aws-sdk/client-kinesis'
import { arn, asking } from '../asking.ts'
import { type Check, failed, ok } from '../check.ts'

/** One more than the last hash key there is, 2^128 - 1: whoever may put records is told so, and nothing is put. */
const BEYOND = (2n ** 128n).toString()

export const putRecord: Check = {
  id: 'put-record',
  title: 'events can be put on the stream',
  async run({ config, aws, signal }) {
    const StreamName = config.STREAM_NAME
    const resource = arn.stream(config.AWS_REGION, StreamName)
    const record = {
      StreamName,
      Data: Buffer.from('headgate doctor'),
      PartitionKey: 'headgate-doctor',
      ExplicitHashKey: BEYOND,
    }
    const putting = aws.kinesis.send(new PutRecordCommand(record), { abortSignal: signal }).then(
      () => 'put',
      (error: unknown) => {
        if (isAboutTheKey(error)) return 'refused'
        throw error
      },
    )
    const came = await asking({ action: 'kinesis:PutRecord', resource, variable: 'STREAM_NAME' }, putting)
    if (came === 'refused')
      return ok('a record that no shard is for is refused for that, and not for want of permission')
    return failed('a record that no shard is for was put', 'This is no Kinesis: check AWS_ENDPOINT_URL_KINESIS.')
  },
}

function isAboutTheKey(error: unknown): boolean {
  return error instanceof InvalidArgumentException || (error instanceof Error && error.name === 'ValidationException')
}
