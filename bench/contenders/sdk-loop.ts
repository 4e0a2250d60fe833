import { GetRecordsCommand, GetShardIteratorCommand, KinesisClient, ListShardsCommand } from '@aws-sdk/client-kinesis'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import { createTally, setting } from './tally.ts'

/**
 * The minimum with the SDK: no leases, no checkpoints, no guaranteed order. It uses the default client, or the handler
 * for HTTP/1.1, which costs less.
 */
const StreamName = setting('STREAM_NAME')
const tally = createTally(Number(setting('RECORDS_PER_ROUND')))
const kinesis = new KinesisClient(process.env.HTTP1 ? { requestHandler: new NodeHttpHandler() } : {})

async function consume(ShardId: string | undefined): Promise<void> {
  const start = await kinesis.send(
    new GetShardIteratorCommand({ StreamName, ShardId, ShardIteratorType: 'TRIM_HORIZON' }),
  )
  for (let iterator = start.ShardIterator; iterator !== undefined; ) {
    const reply = await kinesis.send(new GetRecordsCommand({ ShardIterator: iterator, Limit: 10_000 }))
    iterator = reply.NextShardIterator
    for (const _ of reply.Records ?? []) tally(1)
  }
}

const { Shards = [] } = await kinesis.send(new ListShardsCommand({ StreamName }))
await Promise.all(Shards.map(shard => consume(shard.ShardId)))
