import { BatchFailure } from './batch-failure.ts'

/** What of a batch whose handler rejected is still to be done, as places in it. */
export type BatchVerdict =
  | { readonly kind: 'some failed'; readonly failed: ReadonlyArray<{ index: number; error: unknown }> }
  | { readonly kind: 'all failed' }

interface Place {
  readonly sequenceNumber: string
  readonly subSequenceNumber: number
}

/**
 * Which records of a batch failed. Only a BatchFailure that names records of this very batch, and at least one, is taken at
 * its word: a number that is mistyped must not make its record count as done.
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

/** Two halves, in order, of more than one item. Halving again and again comes down to the one that is poison. */
export function halves<T>(items: readonly T[]): [T[], T[]] {
  const middle = Math.ceil(items.length / 2)
  return [items.slice(0, middle), items.slice(middle)]
}
