import type { ConsumerEvents } from '../events.ts'

/** Counters of a worker since it was created. Plain numbers, for the hot path. */
export class Counters {
  recordsFetched = 0
  bytesFetched = 0
  /** Records whose handler resolved. Dead letters are not included. */
  recordsHandled = 0
  bytesHandled = 0
  /** Number of retries of records. */
  retries = 0
  /** Number of retries of whole batches. */
  batchRetries = 0
  deadLetters = 0
  deadLetterFailures = 0
  leasesAcquired = 0
  /** Leases that were taken away, expired or deleted. Released leases and ended shards are not included. */
  leasesLost = 0
  /** Of the lost leases, those that another worker took. */
  leasesStolen = 0
  shardsEnded = 0
  breakerOpenings = 0
  faults = 0
  /** Calls of GetRecords and GetShardIterator that Kinesis throttled. */
  readsThrottled = 0
  leaseTableReads = 0
  /** Write requests, including those that the table rejected, because they are also charged. */
  leaseTableWrites = 0

  /** Counts an event of the consumer. */
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
