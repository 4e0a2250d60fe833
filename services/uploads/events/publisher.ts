import type { KinesisClient } from '@aws-sdk/client-kinesis'
import { EventNotPublishedError } from '../errors.ts'
import { encodeEvent, type UploadEvent } from './event.ts'
import { createPutRecords, type NewRecord } from './put-records.ts'

export interface EventPublisher {
  /**
   * Puts an event on the stream. Resolves once Kinesis has it.
   *
   * @throws EventNotPublishedError when Kinesis did not take it within the time-out, or too many are waiting
   */
  publish(event: UploadEvent): Promise<void>
  /** Waits until nothing is left to send: every `publish` has settled by then. */
  drain(): Promise<void>
}

export interface PublisherSettings {
  kinesis: KinesisClient
  stream: string
  /** How long an event may wait to be taken, in milliseconds. */
  timeoutMs: number
  /** Requests under way at once, where Kinesis is slow to answer or events come in large numbers. */
  maxRequests?: number
  /**
   * Events that are not on the stream yet, at most, whether they wait for a request, are in one, or wait for another try. One
   * more is refused at once: waiting would only fill the memory.
   */
  maxWaiting?: number
}

/** Limits of PutRecords: https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html */
const MAX_BATCH_RECORDS = 500
const MAX_BATCH_BYTES = 5 * 1024 ** 2

/** Kinesis answers most requests within this time. */
const RECENT_MS = 20

const BACKOFF_MS = { first: 50, max: 1_000 }

interface Entry extends NewRecord {
  attempts: number
  /** True once the promise has settled: an entry that timed out while it waited is not sent any more. */
  settled: boolean
  resolve(): void
  reject(error: EventNotPublishedError): void
}

/**
 * Puts events in micro-batches: whatever gathers while a request is under way goes into the next one. An idle publisher so
 * adds no wait, and a busy one pays a fraction of a request for an event. Entries that Kinesis refuses are sent again,
 * alone, with backoff, until their time is up.
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

  /** What comes gathers behind a request that is young, unless it fills one of its own; one that takes its time holds nobody up. */
  function mayStart(): boolean {
    return requests < maxRequests && (recentRequests === 0 || waiting.length >= MAX_BATCH_RECORDS)
  }

  async function send(batch: Entry[]): Promise<void> {
    if (batch.length === 0) return
    requests++
    const grow = trackRecent()
    const refused = await put(batch)
    grow()
    requests--
    for (const [entry, error] of refused) retryLater(entry, error)
    schedule()
  }

  /** Counts a request among the young until it is answered or has taken its time, whichever is first. */
  function trackRecent(): () => void {
    let isRecent = true
    recentRequests++
    const grow = () => {
      clearTimeout(timer)
      if (!isRecent) return
      isRecent = false
      recentRequests--
      schedule()
    }
    const timer = setTimeout(grow, RECENT_MS)
    return grow
  }

  /** Settles what Kinesis took and gives back the rest, with what was said of it. Never rejects. */
  async function put(batch: Entry[]): Promise<Array<[Entry, Error]>> {
    try {
      const results = await putRecords(batch, {
        // By then every entry's time is up: a request that Kinesis leaves without an answer must not keep its place for longer.
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
        entry.reject(new EventNotPublishedError(`Kinesis did not take the event within ${timeoutMs} ms.`, { cause }))
      }, timeoutMs)
      waiting.push(entry)
      schedule()
    })
  }

  return {
    async publish(event) {
      if (open.size >= maxWaiting) {
        throw new EventNotPublishedError(`${open.size} events are waiting for Kinesis already.`)
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

/** Takes the next batch off the queue, leaving out what has settled while it waited. */
function takeBatch(waiting: Entry[]): Entry[] {
  const batch: Entry[] = []
  let bytes = 0
  let taken = 0
  for (const entry of waiting) {
    const size = entry.data.byteLength + Buffer.byteLength(entry.partitionKey)
    // One that is too large by itself goes alone, for Kinesis to refuse it: left here, it would hold up the rest for ever.
    if (batch.length === MAX_BATCH_RECORDS || (batch.length > 0 && bytes + size > MAX_BATCH_BYTES)) break
    taken++
    if (entry.settled) continue
    batch.push(entry)
    bytes += size
  }
  waiting.splice(0, taken)
  return batch
}
