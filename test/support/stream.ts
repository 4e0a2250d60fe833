import {
  GetRecordsCommand,
  GetShardIteratorCommand,
  type KinesisClient,
  ListShardsCommand,
  type _Record as StreamRecord,
} from '@aws-sdk/client-kinesis'

/** Resolves to all records of a stream, shard by shard, each in its order. */
export async function readStream(kinesis: KinesisClient, stream: string): Promise<StreamRecord[]> {
  const { Shards = [] } = await kinesis.send(new ListShardsCommand({ StreamName: stream }))
  const shards = await Promise.all(Shards.map(({ ShardId }) => readShard(kinesis, stream, ShardId)))
  return shards.flat()
}

async function readShard(kinesis: KinesisClient, StreamName: string, ShardId: string | undefined) {
  const start = { StreamName, ShardId, ShardIteratorType: 'TRIM_HORIZON' } as const
  let { ShardIterator } = await kinesis.send(new GetShardIteratorCommand(start))
  const read: StreamRecord[] = []
  while (ShardIterator) {
    const { Records = [], NextShardIterator } = await kinesis.send(new GetRecordsCommand({ ShardIterator }))
    read.push(...Records)
    ShardIterator = Records.length > 0 ? NextShardIterator : undefined
  }
  return read
}
