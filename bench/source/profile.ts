/** The replies of a shard for each record size. A reply has 1,000 records or about 1 MiB. */
export interface SizeProfile {
  /** Bytes of data in each record. */
  size: number
  /** The label in reports, and a part of the stream's name. */
  label: string
  recordsPerReply: number
  repliesPerRound: number
  /** True if the records are upload events, each of its own upload. Only in CBOR. */
  events?: true
}

export const sizes: readonly SizeProfile[] = [
  { size: 100, label: '100B', recordsPerReply: 1_000, repliesPerRound: 60 },
  { size: 1_024, label: '1KiB', recordsPerReply: 1_000, repliesPerRound: 24 },
  { size: 10_240, label: '10KiB', recordsPerReply: 100, repliesPerRound: 24 },
]

/** A shard of upload events, for the rounds of a worker. */
export const uploadEvents: SizeProfile = {
  size: 0,
  label: 'events',
  recordsPerReply: 25,
  repliesPerRound: 24,
  events: true,
}

/** Very few upload events. */
export const fewUploadEvents: SizeProfile = { ...uploadEvents, label: 'few', recordsPerReply: 5, repliesPerRound: 4 }

export const SHARDS = 4

/**
 * Returns the name of the stream of a contender and size. Each contender has its own stream, so that it continues where
 * it was while others run.
 */
export const streamOf = (contender: string, { label }: SizeProfile) => `${contender}-${label}`

export function profileOf(stream: string): SizeProfile | undefined {
  return [...sizes, uploadEvents, fewUploadEvents].find(({ label }) => stream.endsWith(`-${label}`))
}
