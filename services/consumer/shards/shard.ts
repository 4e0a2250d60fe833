/** A shard, as returned by ListShards. */
export interface Shard {
  readonly shardId: string
  /**
   * One parent after a split, two after a merge, none for an initial shard. Parents may be trimmed and no longer
   * listed.
   */
  readonly parentShardIds: readonly string[]
  readonly startingHashKey: string | undefined
  readonly endingHashKey: string | undefined
  /** Undefined if the shard is known only from the last reply of its parent. */
  readonly startingSequenceNumber: string | undefined
  /** A closed shard accepts no more records. */
  readonly closed: boolean
}

/** A child of an ended shard, as returned in the last reply of GetRecords. */
export type ChildShard = Omit<Shard, 'closed'>
