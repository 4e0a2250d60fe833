/** A shard, as ListShards tells of it. */
export interface Shard {
  readonly shardId: string
  /** One after a split, two after a merge, none for a first shard. They may be trimmed and listed no more. */
  readonly parentShardIds: readonly string[]
  readonly startingHashKey: string | undefined
  readonly endingHashKey: string | undefined
  /** Undefined where only the parent's last reply has told of the shard. */
  readonly startingSequenceNumber: string | undefined
  /** A closed shard takes no more records and ends where its last one is. */
  readonly closed: boolean
}

/** A child of a shard that has ended, as the last reply of GetRecords tells of it. */
export type ChildShard = Omit<Shard, 'closed'>
