import type { KinesisClient } from '@aws-sdk/client-kinesis'
import { EventNotPublishedError } from '../errors.ts'
import { encodeEvent, type UploadEvent } from './event.ts'
import { createPutRecords, type NewRecord } from './put-records.ts'

export interface EventPublisher {
  /**
   * Puts an event on the stream. Resolves once Kinesis has accepted it.
   *
   * @throws EventNotPublishedError if Kinesis did not accept it within the time-out, or too many events are waiting
   */
  publish(event: UploadEvent): Promise<void>
  /** Resolves when no event is left to send and every `publish` has settled. */
  drain(): Promise<void>
}

export interface PublisherSettings {
  kinesis: KinesisClient
  stream: string
  /** Maximum time that an event waits for Kinesis, in milliseconds. */
  timeoutMs: number
  /** Maximum number of requests in flight. More than one is used if Kinesis is slow or there are many events. */
  maxRequests?: number
  /**
   * Maximum number of events that are not on the stream yet. They wait for a request, are in one, or wait for a retry. Further events are
   * refused at once, because they would fill the memory.
   */
  maxWaiting?: number
}

/** Limits of PutRecords: https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html */
const MAX_BATCH_RECORDS = 500
const MAX_BATCH_BYTES = 5 * 1024 ** 2

/** Kinesis answers most requests within this time, in milliseconds. */
const RECENT_MS = 20

const BACKOFF_MS = { first: 50, max: 1_000 }

interface Entry extends NewRecord {
  attempts: number
  /** True once the promise has settled. An entry that timed out while it waited is not sent. */
  settled: boolean
  resolve(): void
  reject(error: EventNotPublishedError): void
}

/**
 * Publishes events in micro-batches: events that arrive while a request is in flight go into the next one. An idle publisher adds no
 * wait, and a busy one needs a fraction of a request per event. Events that Kinesis refuses are retried with backoff until their
 * time-out.
 */
export function createPublisher(settings: PublisherSettings): EventPublisher {
  const { kinesis, stream, timeoutMs, maxRequests = 4, maxWaiting = 10_000 } = settings
  const putRecords = createPutRecords(kinesis, stream)
  const waiting: Entry[] = []
  const open = new Set<Promise<void>>()
  let requests = 0
  let recentRequests = 0
  let scheduled = false

  function schedule(): void {
    if (scheduled) return
    scheduled = true
    // After the turn's other I/O callbacks: requests that arrived together leave together.
    setImmediate(() => {
      scheduled = false
      while (mayStart() && waiting.length > 0) void send(takeBatch(waiting))
    })
  }

  /** Events wait for a recent request, unless they fill a request of their own. They do not wait for a request that takes longer. */
  function mayStart(): boolean {
    return requests < maxRequests && (recentRequests === 0 || waiting.length >= MAX_BATCH_RECORDS)
  }

  async function send(batch: Entry[]): Promise<void> {
    if (batch.length === 0) return
    requests++
    const endRecent = trackRecent()
    const refused = await put(batch)
    endRecent()
    requests--
    for (const [entry, error] of refused) retryLater(entry, error)
    schedule()
  }

  /** Counts a request as recent until it is answered or RECENT_MS have passed. */
  function trackRecent(): () => void {
    let isRecent = true
    recentRequests++
    const endRecent = () => {
      clearTimeout(timer)
      if (!isRecent) return
      isRecent = false
      recentRequests--
      schedule()
    }
    const timer = setTimeout(endRecent, RECENT_MS)
    return endRecent
  }

  /** Settles the entries that Kinesis accepted. Returns the others, with their errors. Never rejects. */
  async function put(batch: Entry[]): Promise<Array<[Entry, Error]>> {
    try {
      const results = await putRecords(batch, {
        // By then every entry has timed out. A request that Kinesis does not answer must not keep its place for longer.
        signal: AbortSignal.timeout(timeoutMs),
        onRefusal: cause => {
          for (const entry of batch) lastRefusal.set(entry, cause)
        },
      })
      return batch.flatMap((entry, index): Array<[Entry, Error]> => {
        const result = results[index]
        if (result?.SequenceNumber) {
          entry.resolve()
          return []
        }
        return [[entry, new Error(`${result?.ErrorCode ?? 'no result'}: ${result?.ErrorMessage ?? ''}`)]]
      })
    } catch (error) {
      const reason = error instanceof Error ? error : new Error(String(error))
      return batch.map((entry): [Entry, Error] => [entry, reason])
    }
  }

  function retryLater(entry: Entry, cause: Error): void {
    if (entry.settled) return
    lastRefusal.set(entry, cause)
    entry.attempts++
    const ceiling = Math.min(BACKOFF_MS.max, BACKOFF_MS.first * 2 ** entry.attempts)
    setTimeout(
      () => {
        if (entry.settled) return
        waiting.push(entry)
        schedule()
      },
      ceiling * (0.5 + Math.random() / 2),
    ).unref()
  }

  const lastRefusal = new WeakMap<Entry, unknown>()

  function enqueue(event: UploadEvent): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (act: () => void) => {
        if (entry.settled) return
        entry.settled = true
        clearTimeout(timer)
        act()
      }
      const entry: Entry = {
        data: encodeEvent(event),
        partitionKey: event.uploadId,
        attempts: 0,
        settled: false,
        resolve: () => settle(resolve),
        reject: error => settle(() => reject(error)),
      }
      const timer = setTimeout(() => {
        const cause = lastRefusal.get(entry)
        entry.reject(new EventNotPublishedError(`Kinesis did not accept the event within ${timeoutMs} ms.`, { cause }))
      }, timeoutMs)
      waiting.push(entry)
      schedule()
    })
  }

  return {
    async publish(event) {
      if (open.size >= maxWaiting) {
        throw new EventNotPublishedError(`${open.size} events are already waiting for Kinesis.`)
      }
      const published = enqueue(event)
      const forget = () => open.delete(published)
      open.add(published)
      published.then(forget, forget)
      return published
    },
    async drain() {
      await Promise.allSettled(open)
    },
  }
}

/** Takes the next batch off the queue, without the entries that have settled. */
function takeBatch(waiting: Entry[]): Entry[] {
  const batch: Entry[] = []
  let bytes = 0
  let taken = 0
  for (const entry of waiting) {
    const size = entry.data.byteLength + Buffer.byteLength(entry.partitionKey)
    // An entry that is too large goes alone and is refused by Kinesis. Left in the queue, it would block the rest for ever.
    if (batch.length === MAX_BATCH_RECORDS || (batch.length > 0 && bytes + size > MAX_BATCH_BYTES)) break
    taken++
    if (entry.settled) continue
    batch.push(entry)
    bytes += size
  }
  waiting.splice(0, taken)
  return batch
}
