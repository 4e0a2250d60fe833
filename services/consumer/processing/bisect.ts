import { BatchFailure } from './batch-failure.ts'

/** Which records of a rejected batch failed, by their index in the batch. */
export type BatchVerdict =
  | { readonly kind: 'some failed'; readonly failed: ReadonlyArray<{ index: number; error: unknown }> }
  | { readonly kind: 'all failed' }

interface Place {
  readonly sequenceNumber: string
  readonly subSequenceNumber: number
}

/**
 * Determines which records of a batch failed. A BatchFailure counts only if it names at least one record, and only
 * records of this batch. Otherwise a mistyped sequence number would mark a failed record as done.
 */
export function judgeBatch(records: readonly Place[], error: unknown): BatchVerdict {
  if (!(error instanceof BatchFailure) || error.failed.length === 0) return { kind: 'all failed' }
  const errors = new Map<number, unknown>()
  const bySequence = Map.groupBy(records.keys(), index => records[index]?.sequenceNumber)
  for (const { sequenceNumber, subSequenceNumber, error: reason } of error.failed) {
    const indices = (bySequence.get(sequenceNumber) ?? []).filter(
      index => subSequenceNumber === undefined || records[index]?.subSequenceNumber === subSequenceNumber,
    )
    if (indices.length === 0) return { kind: 'all failed' }
    for (const index of indices) errors.set(index, reason ?? error)
  }
  const failed = [...errors].sort(([a], [b]) => a - b).map(([index, reason]) => ({ index, error: reason }))
  return { kind: 'some failed', failed }
}

/** Splits more than one item into two halves, in order. Repeated halving isolates the record that fails. */
export function halves<T>(items: readonly T[]): [T[], T[]] {
  const middle = Math.ceil(items.length / 2)
  return [items.slice(0, middle), items.slice(middle)]
}
