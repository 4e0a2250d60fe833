import { setImmediate } from 'node:timers/promises'
import type { InputRecord } from './input-records.ts'

/** Limits of PutRecords: https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html */
const MAX_RECORDS = 500
const MAX_BYTES = 10 * 1024 ** 2

/** How much is read ahead while a batch is sent: enough for the next batch. */
const MAX_AHEAD_RECORDS = 2 * MAX_RECORDS
const MAX_AHEAD_BYTES = MAX_BYTES

/**
 * Groups records into batches for PutRecords. Reads ahead while the caller sends a batch. So a large input fills its batches, and a
 * record that arrives alone does not wait for others.
 *
 * An error of the input is thrown after the records before it.
 */
export async function* batchesOf(
  records: AsyncGenerator<InputRecord, void>,
  signal: AbortSignal,
): AsyncGenerator<InputRecord[], void> {
  const ahead: InputRecord[] = []
  let bytes = 0
  let end: { error?: unknown } | undefined
  let isStopped = false
  /** Resolves when the reader or the caller has changed `ahead`, `bytes` or `end`. */
  let changed = Promise.withResolvers<void>()
  const notify = () => {
    changed.resolve()
    changed = Promise.withResolvers<void>()
  }

  async function read(): Promise<void> {
    try {
      for await (const record of records) {
        ahead.push(record)
        bytes += bytesOf(record)
        notify()
        while (!isStopped && (ahead.length >= MAX_AHEAD_RECORDS || bytes >= MAX_AHEAD_BYTES)) await changed.promise
        if (isStopped) break
      }
      end = {}
    } catch (error) {
      end = { error }
    }
    notify()
  }

  function stop(): void {
    isStopped = true
    notify()
  }

  signal.addEventListener('abort', stop)
  // `read` never rejects. It may still wait for the input after the signal has fired.
  void read()
  try {
    while (!signal.aborted) {
      const batch = takeBatch(ahead)
      if (batch.length > 0) {
        bytes -= batch.reduce((sum, record) => sum + bytesOf(record), 0)
        notify()
        yield batch
      } else if (end === undefined) {
        await changed.promise
        // A chunk of the input has many lines. The first of them waits until all have been read.
        await setImmediate()
      } else if ('error' in end) throw end.error
      else return
    }
  } finally {
    signal.removeEventListener('abort', stop)
    stop()
  }
}

function takeBatch(ahead: InputRecord[]): InputRecord[] {
  let count = 0
  let bytes = 0
  for (const record of ahead.slice(0, MAX_RECORDS)) {
    bytes += bytesOf(record)
    if (count > 0 && bytes > MAX_BYTES) break
    count++
  }
  return ahead.splice(0, count)
}

/** Returns the bytes of a record that count against the limits: its data and its partition key. */
function bytesOf({ data, partitionKey }: InputRecord): number {
  return data.byteLength + Buffer.byteLength(partitionKey)
}
