const MIB = 1024 ** 2

/** S3 requires at least 5 MiB for every part but the last. */
const MIN_PART_BYTES = 8 * MIB
/** S3 allows 10,000 parts. 500 URLs are signed in a quarter of a second. */
const MAX_PARTS = 500

export interface PlannedPart {
  partNumber: number
  /** Where the part begins in the file, in bytes. */
  offset: number
  /** Bytes. */
  size: number
}

/**
 * Returns the size of the parts of a file, in bytes. Small parts are better, because an interrupted part is sent again. The size
 * grows with the file, so that the number of parts stays within the maximum.
 */
export function partBytesFor(size: number): number {
  return Math.max(MIN_PART_BYTES, Math.ceil(size / MAX_PARTS / MIB) * MIB)
}

/** Returns every part of a file, in order. */
export function plannedParts({ size, partBytes }: { size: number; partBytes: number }): PlannedPart[] {
  return Array.from({ length: Math.ceil(size / partBytes) }, (_, index) => ({
    partNumber: index + 1,
    offset: index * partBytes,
    size: Math.min(partBytes, size - index * partBytes),
  }))
}

/** Returns the parts that have not arrived in their planned size. */
export function missingParts(planned: readonly PlannedPart[], arrived: ReadonlyMap<number, number>): PlannedPart[] {
  return planned.filter(({ partNumber, size }) => arrived.get(partNumber) !== size)
}
