const MIB = 1024 ** 2

/** S3 takes parts of 5 MiB and more, but for the last. */
const LEAST_PART_BYTES = 8 * MIB
/** S3 takes 10,000. So many URLs are signed in a quarter of a second. */
const MOST_PARTS = 500

export interface PlannedPart {
  partNumber: number
  /** Bytes. */
  size: number
}

/**
 * How large the parts of a file are: as small as can be, since a part that breaks off is sent again, and so large that they are
 * not too many.
 *
 * @returns bytes
 */
export function partBytesFor(size: number): number {
  return Math.max(LEAST_PART_BYTES, Math.ceil(size / MOST_PARTS / MIB) * MIB)
}

/** Every part of a file, in order. */
export function plannedParts({ size, partBytes }: { size: number; partBytes: number }): PlannedPart[] {
  return Array.from({ length: Math.ceil(size / partBytes) }, (_, index) => ({
    partNumber: index + 1,
    size: Math.min(partBytes, size - index * partBytes),
  }))
}

/** The parts that are not there as they were planned. */
export function missingParts(planned: readonly PlannedPart[], arrived: ReadonlyMap<number, number>): PlannedPart[] {
  return planned.filter(({ partNumber, size }) => arrived.get(partNumber) !== size)
}
