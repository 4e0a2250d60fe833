/** Every error that the consumer throws on purpose. `code` is stable. */
export abstract class ConsumerError extends Error {
  abstract readonly code: string

  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = new.target.name
  }
}

/** An option that cannot be used. The message names the option, its value and what was expected. */
export class ConsumerOptionError extends ConsumerError {
  readonly code = 'CONSUMER_OPTION'
}

/** This worker does not hold the lease any more: what it was about to write is another's to write. */
export class LeaseLostError extends ConsumerError {
  readonly code = 'CONSUMER_LEASE_LOST'
}

/** Another process runs under this worker's id. This one has stopped: two of one name cannot tell their leases apart. */
export class DuplicateWorkerError extends ConsumerError {
  readonly code = 'CONSUMER_DUPLICATE_WORKER'
}

/** The lease table exists but is not one: its key is another, or a row has no counter. */
export class LeaseTableError extends ConsumerError {
  readonly code = 'CONSUMER_LEASE_TABLE'
}

/** There is no lease table. A worker that runs makes it anew, and tells of this by the event `fault`. */
export class LeaseTableMissingError extends ConsumerError {
  readonly code = 'CONSUMER_LEASE_TABLE_MISSING'
}

/** DynamoDB did not answer a call on the lease table in time. Retrying helps once DynamoDB answers again. */
export class LeaseTableTimeoutError extends ConsumerError {
  readonly code = 'CONSUMER_LEASE_TABLE_TIMEOUT'
}

/** A reply of Kinesis that cannot be acted on, such as an end of a shard that is not closed. */
export class StreamReplyError extends ConsumerError {
  readonly code = 'CONSUMER_STREAM_REPLY'
}

/** The pages of a listing have no end. The service, or what is in front of it, is at fault. */
export class ServicePagesError extends ConsumerError {
  readonly code = 'CONSUMER_SERVICE_PAGES'
}

/** A handler, or the dead-letter port, did not end in time. `cause` is what it threw once its signal had fired, if anything. */
export class HandlerTimeoutError extends ConsumerError {
  readonly code = 'CONSUMER_HANDLER_TIMEOUT'
}
