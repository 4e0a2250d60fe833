import type { ConsumerEvents } from '../events.ts'

/** What a worker has counted since it was made. Plain numbers, for the hot path to add to. */
export class Counters {
  recordsFetched = 0
  bytesFetched = 0
  /** By a handler that resolved; dead letters are not among them. */
  recordsHandled = 0
  bytesHandled = 0
  /** Records that failed and were to be tried again, each time. */
  retries = 0
  /** Batches that failed as a whole and were to be tried again, each time. */
  batchRetries = 0
  deadLetters = 0
  deadLetterFailures = 0
  leasesAcquired = 0
  /** Taken away, run out or deleted: not given up by this worker, and not ended. */
  leasesLost = 0
  /** Of those lost, the ones that another worker took. */
  leasesStolen = 0
  shardsEnded = 0
  breakerOpenings = 0
  faults = 0
  leaseTableReads = 0
  /** Writes asked for, those that the table refused included: they are paid for all the same. */
  leaseTableWrites = 0

  /** Takes in what the consumer tells of itself. */
  count<Name extends keyof ConsumerEvents>(name: Name, event: ConsumerEvents[Name][0]): void {
    COUNTING[name]?.(this, event)
  }
}

type Counting = { [Name in keyof ConsumerEvents]?: (counters: Counters, event: ConsumerEvents[Name][0]) => void }

const COUNTING: Counting = {
  recordsFetched: (counters, { records, bytes }) => {
    counters.recordsFetched += records
    counters.bytesFetched += bytes
  },
  recordFailed: counters => void counters.retries++,
  batchFailed: counters => void counters.batchRetries++,
  recordDeadLettered: counters => void counters.deadLetters++,
  deadLetterFailed: counters => void counters.deadLetterFailures++,
  leaseAcquired: counters => void counters.leasesAcquired++,
  leaseLost: (counters, { reason }) => {
    if (reason !== 'taken by another worker' && reason !== 'not renewed in time' && reason !== 'deleted') return
    counters.leasesLost++
    if (reason === 'taken by another worker') counters.leasesStolen++
  },
  shardEnded: counters => void counters.shardsEnded++,
  breakerOpened: counters => void counters.breakerOpenings++,
  fault: counters => void counters.faults++,
}
