import { InvalidArgumentException, PutRecordsCommand } from '@aws-sdk/client-kinesis'
import { arn, attempt } from '../attempt.ts'
import { type Check, failed, ok } from '../check.ts'

/**
 * One more than the last hash key, 2^128 - 1. Kinesis rejects a record with this key only after it has checked the permission, and
 * stores nothing. The value has the format of a hash key. Otherwise the validation of the request might reject it before the
 * permission is checked.
 */
const INVALID_HASH_KEY = (2n ** 128n).toString()

export const putRecord: Check = {
  id: 'put-record',
  title: 'events can be put on the stream',
  async run({ config, aws, signal }) {
    const StreamName = config.STREAM_NAME
    const record = {
      Data: Buffer.from('headgate doctor'),
      PartitionKey: 'headgate-doctor',
      ExplicitHashKey: INVALID_HASH_KEY,
    }
    // PutRecords, as the api and the relay use it: a policy may allow PutRecord but not PutRecords.
    const command = new PutRecordsCommand({ StreamName, Records: [record] })
    const outcome = aws.kinesis.send(command, { abortSignal: signal }).then(
      () => 'stored' as const,
      (error: unknown) => {
        if (error instanceof InvalidArgumentException) return 'rejected' as const
        throw error
      },
    )
    const resource = arn.stream(config.AWS_REGION, StreamName)
    const target = { action: 'kinesis:PutRecords', resource, variable: 'STREAM_NAME' }
    if ((await attempt(target, outcome)) === 'rejected') {
      return ok(
        'PutRecords with an invalid hash key was rejected for the hash key, and not for a missing permission. This does not test a KMS key',
      )
    }
    return failed(
      'a record with an invalid hash key was accepted',
      'The endpoint is not Kinesis. Check AWS_ENDPOINT_URL_KINESIS.',
    )
  },
}
