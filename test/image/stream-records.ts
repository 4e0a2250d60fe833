import { GetRecordsCommand, GetShardIteratorCommand, ListShardsCommand } from '@aws-sdk/client-kinesis'
import type { StreamRecord } from '../../services/worker/stream-record.ts'
import { eventually } from '../api/support.ts'
import type { TestAws } from '../support/aws.ts'

/** Resolves to every record that is on the stream now. */
export async function recordsNow({ kinesis, env }: TestAws): Promise<StreamRecord[]> {
  const StreamName = env.STREAM_NAME
  const { Shards = [] } = await kinesis.send(new ListShardsCommand({ StreamName }))
  const readShard = async (ShardId: string | undefined) => {
    const from = { StreamName, ShardId, ShardIteratorType: 'TRIM_HORIZON' } as const
    const { ShardIterator } = await kinesis.send(new GetShardIteratorCommand(from))
    const { Records = [] } = await kinesis.send(new GetRecordsCommand({ ShardIterator }))
    return Records.map(({ Data, PartitionKey, SequenceNumber }) => ({
      data: Data ?? new Uint8Array(),
      partitionKey: PartitionKey ?? '',
      sequenceNumber: SequenceNumber ?? '',
      shardId: ShardId ?? '',
    }))
  }
  return (await Promise.all(Shards.map(({ ShardId }) => readShard(ShardId)))).flat()
}

/** Resolves to every record of the stream as soon as there is one. */
export async function recordsOf(aws: TestAws): Promise<StreamRecord[]> {
  let records: StreamRecord[] = []
  await eventually(async () => {
    records = await recordsNow(aws)
    return records.length > 0
  })
  return records
}
