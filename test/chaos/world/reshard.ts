import {
  type KinesisClient,
  ListShardsCommand,
  MergeShardsCommand,
  type Shard,
  SplitShardCommand,
} from '@aws-sdk/client-kinesis'

const FEWEST = 2
const MOST = 6

/** Splits a shard or merges two neighbours, depending on `roll`. Returns a description. */
export async function reshard(kinesis: KinesisClient, StreamName: string, roll: number): Promise<string> {
  const { Shards = [] } = await kinesis.send(new ListShardsCommand({ StreamName }))
  const open = Shards.filter(({ SequenceNumberRange }) => SequenceNumberRange?.EndingSequenceNumber === undefined)
  open.sort((a, b) => (startOf(a) < startOf(b) ? -1 : 1))
  const splits = open.length <= FEWEST || (open.length < MOST && roll < 0.5)
  const at = Math.floor(((roll * 2) % 1) * (open.length - (splits ? 0 : 1)))
  const [shard, next] = open.slice(at)
  if (!shard?.ShardId) return 'no shard is open'
  try {
    if (splits) {
      const middle = String((startOf(shard) + endOf(shard)) / 2n)
      await kinesis.send(new SplitShardCommand({ StreamName, ShardToSplit: shard.ShardId, NewStartingHashKey: middle }))
      return `${shard.ShardId} was split`
    }
    const pair = { ShardToMerge: shard.ShardId, AdjacentShardToMerge: next?.ShardId }
    await kinesis.send(new MergeShardsCommand({ StreamName, ...pair }))
    return `${shard.ShardId} and ${next?.ShardId} were merged`
  } catch (error) {
    // The previous reshard is still running.
    if (error instanceof Error && error.name === 'ResourceInUseException') return 'the stream is being changed still'
    throw error
  }
}

const startOf = ({ HashKeyRange }: Shard) => BigInt(HashKeyRange?.StartingHashKey ?? 0)
const endOf = ({ HashKeyRange }: Shard) => BigInt(HashKeyRange?.EndingHashKey ?? 0)
