/** Base class of the errors that the consumer throws. `code` is stable. */
export abstract class ConsumerError extends Error {
  abstract readonly code: string

  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = new.target.name
  }
}

/** An option is invalid. The message names the option, its value and what was expected. */
export class ConsumerOptionError extends ConsumerError {
  readonly code = 'CONSUMER_OPTION'
}

/** This worker no longer holds the lease, so it must not write anything for the shard. */
export class LeaseLostError extends ConsumerError {
  readonly code = 'CONSUMER_LEASE_LOST'
}

/**
 * Another process runs with the same worker id. This worker has stopped, because two workers with one id cannot tell
 * their leases apart.
 */
export class DuplicateWorkerError extends ConsumerError {
  readonly code = 'CONSUMER_DUPLICATE_WORKER'
}

/** The table exists but is not a lease table: its key is different, or a row has no counter. */
export class LeaseTableError extends ConsumerError {
  readonly code = 'CONSUMER_LEASE_TABLE'
}

/** A row of the lease table is not a lease that this version can read, because its counter or checkpoint is missing. */
export class LeaseRowError extends LeaseTableError {
  /** The key of the row. */
  readonly leaseKey: string

  constructor(leaseKey: string) {
    super(`The row '${leaseKey}' of the lease table has no counter or no checkpoint.`)
    this.leaseKey = leaseKey
  }
}

/** A pause or resume is impossible. The message says why. */
export class PauseError extends ConsumerError {
  readonly code = 'CONSUMER_PAUSE'
}

/** The lease table does not exist. A running worker creates the table again and reports this as the event `fault`. */
export class LeaseTableMissingError extends ConsumerError {
  readonly code = 'CONSUMER_LEASE_TABLE_MISSING'
}

/** DynamoDB did not answer a call on the lease table in time. Retry once DynamoDB answers again. */
export class LeaseTableTimeoutError extends ConsumerError {
  readonly code = 'CONSUMER_LEASE_TABLE_TIMEOUT'
}

/** A method of the consumer was called in the wrong situation. The message says what to do. */
export class ConsumerUsageError extends ConsumerError {
  readonly code = 'CONSUMER_USAGE'
}

/** The option `decode` threw for a record. `cause` is what it threw. */
export class DecodeError extends ConsumerError {
  readonly code = 'CONSUMER_DECODE'
}

/** The stream does not exist, so the consumer did not start. */
export class StreamMissingError extends ConsumerError {
  readonly code = 'CONSUMER_STREAM_MISSING'
}

/** A reply of Kinesis is invalid, for example the end of a shard that is not closed. */
export class StreamReplyError extends ConsumerError {
  readonly code = 'CONSUMER_STREAM_REPLY'
}

/** The pages of a listing do not end, because of a fault of the service or of a proxy. */
export class ServicePagesError extends ConsumerError {
  readonly code = 'CONSUMER_SERVICE_PAGES'
}

/**
 * A handler, or the dead-letter port, did not end in time. `cause` is the error that it threw after its signal fired,
 * if any.
 */
export class HandlerTimeoutError extends ConsumerError {
  readonly code = 'CONSUMER_HANDLER_TIMEOUT'
}
