/**
 * How far a shard has been processed, in the format of KCL: a sequence number, or a sentinel such as TRIM_HORIZON.
 * `subSequenceNumber` is the index inside an aggregated record.
 */
export interface Checkpoint {
  /** Decimal digits, or `TRIM_HORIZON`, `LATEST`, `AT_TIMESTAMP` or `SHARD_END`. */
  readonly sequenceNumber: string
  /** Index of the record inside an aggregated record; 0 for a plain record. */
  readonly subSequenceNumber: number
}

export const TRIM_HORIZON: Checkpoint = Object.freeze({ sequenceNumber: 'TRIM_HORIZON', subSequenceNumber: 0 })
export const LATEST: Checkpoint = Object.freeze({ sequenceNumber: 'LATEST', subSequenceNumber: 0 })
export const AT_TIMESTAMP: Checkpoint = Object.freeze({ sequenceNumber: 'AT_TIMESTAMP', subSequenceNumber: 0 })
export const SHARD_END: Checkpoint = Object.freeze({ sequenceNumber: 'SHARD_END', subSequenceNumber: 0 })

const SENTINEL_RANK = new Map([
  [AT_TIMESTAMP.sequenceNumber, 0],
  [TRIM_HORIZON.sequenceNumber, 1],
  [LATEST.sequenceNumber, 2],
  [SHARD_END.sequenceNumber, 4],
])
const NUMBER_RANK = 3

const rankOf = ({ sequenceNumber }: Checkpoint) => SENTINEL_RANK.get(sequenceNumber) ?? NUMBER_RANK

/**
 * Compares two checkpoints in the order of KCL: AT_TIMESTAMP < TRIM_HORIZON < LATEST < every sequence number <
 * SHARD_END.
 */
export function compareCheckpoints(a: Checkpoint, b: Checkpoint): number {
  const rank = rankOf(a) - rankOf(b)
  if (rank !== 0 || rankOf(a) !== NUMBER_RANK) return rank
  return compareSequence(a.sequenceNumber, b.sequenceNumber) || a.subSequenceNumber - b.subSequenceNumber
}

/** Compares two sequence numbers as numbers. They have up to 56 digits, which is too many for a `number`. */
export function compareSequence(a: string, b: string): number {
  // They have no leading zeros. So the longer number is greater, and digits decide between numbers of equal length.
  if (a.length !== b.length) return a.length - b.length
  return a < b ? -1 : a > b ? 1 : 0
}

export function isSequence(checkpoint: Checkpoint): boolean {
  return rankOf(checkpoint) === NUMBER_RANK
}

export function isShardEnd(checkpoint: Checkpoint): boolean {
  return checkpoint.sequenceNumber === SHARD_END.sequenceNumber
}

/**
 * Returns true if the application needs no records from before this checkpoint: a worker has processed records, or the
 * application started at LATEST. At AT_TIMESTAMP, the ancestors of the shard may still have records to process.
 */
export function hasBegun({ sequenceNumber }: Checkpoint): boolean {
  return sequenceNumber !== TRIM_HORIZON.sequenceNumber && sequenceNumber !== AT_TIMESTAMP.sequenceNumber
}
