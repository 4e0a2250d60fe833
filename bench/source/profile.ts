/** The replies of a shard for each record size. A reply has 1,000 records or about 1 MiB. */
export interface SizeProfile {
  /** Bytes of data in each record. */
  size: number
  /** The label in reports. */
  label: string
  /** The end of the names of its streams. */
  stream: string
  recordsPerReply: number
  repliesPerRound: number
  /** True if the records are upload events, each of its own upload. Only in CBOR. */
  events?: true
}

export const sizes: readonly SizeProfile[] = [
  { size: 100, label: '100B', stream: '100B', recordsPerReply: 1_000, repliesPerRound: 60 },
  { size: 1_024, label: '1KiB', stream: '1KiB', recordsPerReply: 1_000, repliesPerRound: 24 },
  { size: 10_240, label: '10KiB', stream: '10KiB', recordsPerReply: 100, repliesPerRound: 24 },
]

/** The same sizes with few records. */
export const quickSizes: readonly SizeProfile[] = sizes.map(size => ({
  ...size,
  stream: `few-${size.stream}`,
  repliesPerRound: 4,
}))

/** A shard of upload events, for the rounds of a worker. */
export const uploadEvents: SizeProfile = {
  size: 0,
  label: 'events',
  stream: 'events',
  recordsPerReply: 25,
  repliesPerRound: 24,
  events: true,
}

/** Very few upload events. */
export const fewUploadEvents: SizeProfile = {
  ...uploadEvents,
  stream: 'few-events',
  recordsPerReply: 5,
  repliesPerRound: 4,
}

export const SHARDS = 4

/**
 * Returns the name of the stream of a contender and size. Each contender has its own stream, so that it continues where
 * it was while others run.
 */
export const streamOf = (contender: string, { stream }: SizeProfile) => `${contender}-${stream}`

export function profileOf(stream: string): SizeProfile | undefined {
  // The name of a stream of few records also ends like that of many.
  return [...quickSizes, fewUploadEvents, ...sizes, uploadEvents].find(profile => stream.endsWith(`-${profile.stream}`))
}
