import type { PendingRecord, TusArrival } from '../../uploads/pending/pending.ts'

const MIB = 1024 ** 2

/** What a part holds at most, in bytes: one is on its way while another fills, and both are in memory. */
const PART_BYTES = { usual: 8 * MIB, large: 16 * MIB }

/** Over it, S3's 10,000 parts of the usual size would make a record of their ETags that is too large to write often. */
const LARGE = 16 * 1024 * MIB

export function tusPartBytes(size: number): number {
  return size > LARGE ? PART_BYTES.large : PART_BYTES.usual
}

/** How much has arrived and stays, in bytes. */
export function offsetOf({ size, arrival }: Pick<PendingRecord<TusArrival>, 'size' | 'arrival'>): number {
  if (arrival.wholeObject) return size
  return Math.min(size, arrival.etags.length * arrival.partBytes + (arrival.tail?.bytes ?? 0))
}
