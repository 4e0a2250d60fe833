import { InvalidArgumentException, PutRecordsCommand } from '@aws-sdk/client-kinesis'
import { arn, attempt } from '../attempt.ts'
import { type Check, failed, ok } from '../check.ts'

/**
 * One more than the last hash key there is, 2^128 - 1: whoever may put records is told so, and nothing is put. It has the form of a
 * hash key, so that it is the stream that refuses it and not the check of the request's form, which may come before that of the
 * permission.
 */
const BEYOND = (2n ** 128n).toString()

export const putRecord: Check = {
  id: 'put-record',
  title: 'events can be put on the stream',
  async run({ config, aws, signal }) {
    const StreamName = config.STREAM_NAME
    const resource = arn.stream(config.AWS_REGION, StreamName)
    const record = { Data: Buffer.from('headgate doctor'), PartitionKey: 'headgate-doctor', ExplicitHashKey: BEYOND }
    // As the api and the relay put them: a policy may allow PutRecord and not this, or the other way round.
    const command = new PutRecordsCommand({ StreamName, Records: [record] })
    const putting = aws.kinesis.send(command, { abortSignal: signal }).then(
      () => 'put',
      (error: unknown) => {
        if (error instanceof InvalidArgumentException) return 'refused'
        throw error
      },
    )
    const came = await attempt({ action: 'kinesis:PutRecords', resource, variable: 'STREAM_NAME' }, putting)
    if (came === 'refused')
      return ok(
        'a PutRecords of a hash key that no shard is for is refused for that, and not for want of permission. A key of KMS was not asked for',
      )
    return failed('a record that no shard is for was put', 'This is no Kinesis: check AWS_ENDPOINT_URL_KINESIS.')
  },
}
