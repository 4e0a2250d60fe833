import type { PendingRecord, TusArrival } from '../../uploads/pending/pending.ts'

const MIB = 1024 ** 2

/** Size of a part, in bytes. Two parts are in memory: one is sent while another fills. */
const PART_BYTES = { usual: 8 * MIB, large: 16 * MIB }

/** Files above this size use large parts. With small parts their record would have too many ETags to be written often. */
const LARGE = 16 * 1024 * MIB

export function tusPartBytes(size: number): number {
  return size > LARGE ? PART_BYTES.large : PART_BYTES.usual
}

/** Returns the number of bytes that have arrived and are recorded. */
export function offsetOf({ size, arrival }: Pick<PendingRecord<TusArrival>, 'size' | 'arrival'>): number {
  if (arrival.wholeObject) return size
  const arrived = arrival.etags.length * arrival.partBytes + (arrival.tail?.bytes ?? 0)
  return arrival.length === 'deferred' ? arrived : Math.min(size, arrived)
}

/** Returns whether all bytes have arrived. False while the client has not announced the length. */
export function isWhole(record: Pick<PendingRecord<TusArrival>, 'size' | 'arrival'>): boolean {
  return record.arrival.length !== 'deferred' && offsetOf(record) === record.size
}
