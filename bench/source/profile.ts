/** What a shard gives, at each size of its records. A reply has 1,000 records or about 1 MiB. */
export interface SizeProfile {
  /** Bytes of data in each record. */
  size: number
  /** As people read it, and as a part of a stream's name. */
  label: string
  recordsPerReply: number
  repliesPerRound: number
  /** The records are upload events, each of an upload of its own. In CBOR alone. */
  events?: true
}

export const sizes: readonly SizeProfile[] = [
  { size: 100, label: '100B', recordsPerReply: 1_000, repliesPerRound: 60 },
  { size: 1_024, label: '1KiB', recordsPerReply: 1_000, repliesPerRound: 24 },
  { size: 10_240, label: '10KiB', recordsPerReply: 100, repliesPerRound: 24 },
]

/** A shard of upload events, and so a worker's rounds. */
export const uploadEvents: SizeProfile = {
  size: 0,
  label: 'events',
  recordsPerReply: 25,
  repliesPerRound: 24,
  events: true,
}

/** Hardly any. */
export const fewUploadEvents: SizeProfile = { ...uploadEvents, label: 'few', recordsPerReply: 5, repliesPerRound: 4 }

export const SHARDS = 4

/** A stream for each contender and size: so that each goes on where it was, while the others wait. */
export const streamOf = (contender: string, { label }: SizeProfile) => `${contender}-${label}`

export function profileOf(stream: string): SizeProfile | undefined {
  return [...sizes, uploadEvents, fewUploadEvents].find(({ label }) => stream.endsWith(`-${label}`))
}
