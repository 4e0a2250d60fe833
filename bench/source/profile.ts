/** What a shard gives, at each size of its records. A reply has 1,000 records or about 1 MiB. */
export interface SizeProfile {
  /** Bytes of data in each record. */
  size: number
  /** As people read it, and as a part of a stream's name. */
  label: string
  recordsPerReply: number
  repliesPerRound: number
}

export const sizes: readonly SizeProfile[] = [
  { size: 100, label: '100B', recordsPerReply: 1_000, repliesPerRound: 60 },
  { size: 1_024, label: '1KiB', recordsPerReply: 1_000, repliesPerRound: 24 },
  { size: 10_240, label: '10KiB', recordsPerReply: 100, repliesPerRound: 24 },
]

export const SHARDS = 4

/** A stream for each contender and size: so that each goes on where it was, while the others wait. */
export const streamOf = (contender: string, { label }: SizeProfile) => `${contender}-${label}`

export function profileOf(stream: string): SizeProfile | undefined {
  return sizes.find(({ label }) => stream.endsWith(`-${label}`))
}
