import { DescribeStreamSummaryCommand, type KinesisClient } from '@aws-sdk/client-kinesis'
import { systemClock } from '../../../consumer/clock.ts'
import { type StreamRef, streamInput } from '../../../consumer/kinesis/stream-ref.ts'
import { HeadgateError } from '../../../platform/errors.ts'
import { batchesOf } from './batches.ts'
import { openInput } from './input.ts'
import { InvalidInputError, inputRecords } from './input-records.ts'
import { createSender, type Unsent } from './send-batch.ts'

export interface PutSettings extends StreamRef {
  kinesis: KinesisClient
  /** The path of a file, or `-` for standard input. */
  file: string
  whole: boolean
  key: string | undefined
  keyField: string | undefined
  /** Ends reading and retrying. */
  signal: AbortSignal
  /** Called with a sentence for people. */
  onNote(text: string): void
}

export interface PutOutcome {
  /** The shards that have received records. */
  shards: ShardTally[]
  /** The number of records that are on the stream. */
  records: number
  /** Why records of the input are not on the stream. Undefined if all of them are. */
  failure: unknown
}

export interface ShardTally {
  shardId: string
  records: number
  /** The sequence number of the record that was accepted last. */
  lastSequenceNumber: string
}

/** Some records could not be put. The message names their lines. */
export class RecordsNotPutError extends HeadgateError {
  readonly code = 'HEADGATE_RECORDS_NOT_PUT'
}

/** What `maxRecordBytes` returns for a stream that does not say it. Older streams and emulators accept 1 MiB. */
const DEFAULT_RECORD_KIB = 1024

/** Puts the records of a file or of standard input on a stream. Stops at the first batch that cannot be put completely. */
export async function putRecords(settings: PutSettings): Promise<PutOutcome> {
  const { kinesis, streamName, file, signal, onNote } = settings
  const shards = new Map<string, ShardTally>()
  const count = () => [...shards.values()].reduce((sum, { records }) => sum + records, 0)
  const send = createSender({
    kinesis,
    streamName,
    streamArn: settings.streamArn,
    signal,
    onPut({ shardId, sequenceNumber }) {
      const records = (shards.get(shardId)?.records ?? 0) + 1
      shards.set(shardId, { shardId, records, lastSequenceNumber: sequenceNumber })
    },
    onRetry: once((records: number, reason: string) => {
      const what = records === 1 ? '1 record was' : `${records} records were`
      onNote(`${what} not accepted: ${reason.replace(/\.$/, '')}. Such records are retried.`)
    }),
    clock: systemClock,
    random: Math.random,
  })
  const maxRecordBytes = once(async () => {
    const { StreamDescriptionSummary: summary } = await kinesis.send(
      new DescribeStreamSummaryCommand(streamInput(settings)),
    )
    return (summary?.MaxRecordSizeInKiB ?? DEFAULT_RECORD_KIB) * 1024
  })

  const noteEnd = () => onNote('The command ends after the request in flight. Another Ctrl-C ends it at once.')
  signal.addEventListener('abort', noteEnd, { once: true })
  let lastLine: number | undefined
  let unsent: Unsent | undefined
  let failure: unknown
  try {
    const input = await openInput(file)
    if (input.isTerminal) onNote(`Each line is put on '${streamName}' as a record. Ctrl-D ends the input.`)
    const records = () => inputRecords(input.open(signal), { ...settings, maxRecordBytes })
    if (input.isRepeatable) await check(records())
    for await (const batch of batchesOf(records(), signal)) {
      unsent = await send(batch)
      lastLine = batch.at(-1)?.line
      if (unsent) break
    }
  } catch (error) {
    failure = error
  } finally {
    signal.removeEventListener('abort', noteEnd)
  }

  const records = count()
  const found = signal.aborted
    ? interruption(unsent, lastLine)
    : unsent
      ? refusal(unsent, { lastLine, records })
      : failure
  return {
    shards: [...shards.values()].sort((a, b) => (a.shardId < b.shardId ? -1 : 1)),
    records,
    failure: found instanceof InvalidInputError ? withCount(found, records) : found,
  }
}

/** Reads records to the end, only for the errors. */
async function check(records: AsyncIterable<unknown>): Promise<void> {
  const reading = records[Symbol.asyncIterator]()
  while (!(await reading.next()).done);
}

function interruption(unsent: Unsent | undefined, lastLine: number | undefined): RecordsNotPutError {
  const after = lastLine === undefined ? 'No record was put' : `No line after ${lastLine} was put`
  return new RecordsNotPutError(`Interrupted. ${unsent ? notPut(unsent, lastLine) : after}.`)
}

/** Returns the error of the call itself if nothing was put, because it needs no lines. */
function refusal(unsent: Unsent, { lastLine, records }: { lastLine: number | undefined; records: number }): unknown {
  if (unsent.cause && records === 0) return unsent.cause
  const doubt = unsent.isUncertain ? ' A reply of Kinesis was lost, so some of them may be on the stream.' : ''
  return new RecordsNotPutError(`${notPut(unsent, lastLine)}. ${unsent.reason.replace(/\.$/, '')}.${doubt}`, {
    cause: unsent.cause,
  })
}

function withCount({ message }: InvalidInputError, records: number): InvalidInputError {
  const before =
    records === 0 ? 'Nothing was' : records === 1 ? '1 record before it was' : `${records} records before it were`
  return new InvalidInputError(`${message} ${before} put.`)
}

/** Returns a phrase such as `Lines 3, 7 to 9 were not put, and no line after 500`. */
function notPut({ records }: Unsent, lastLine: number | undefined): string {
  const lines = records.flatMap(({ line }) => (line === undefined ? [] : [line]))
  if (lines.length === 0) return 'The record was not put'
  const ranges: Array<{ from: number; to: number }> = []
  for (const line of lines) {
    const range = ranges.at(-1)
    if (range?.to === line - 1) range.to = line
    else ranges.push({ from: line, to: line })
  }
  const texts = ranges.map(({ from, to }) =>
    from === to ? `${from}` : to === from + 1 ? `${from}, ${to}` : `${from} to ${to}`,
  )
  return `${lines.length === 1 ? 'Line' : 'Lines'} ${texts.join(', ')} ${lines.length === 1 ? 'was' : 'were'} not put, and no line after ${lastLine}`
}

/** Returns a function that calls `run` the first time, and later returns the same result. */
function once<A extends unknown[], R>(run: (...args: A) => R): (...args: A) => R {
  let result: { value: R } | undefined
  return (...args) => {
    result ??= { value: run(...args) }
    return result.value
  }
}
