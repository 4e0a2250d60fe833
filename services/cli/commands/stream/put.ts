import { existsSync } from 'node:fs'
import { withAws } from '../../aws.ts'
import { defineCommand } from '../../command.ts'
import { exitCodes, UsageError } from '../../errors.ts'
import { isValidKey } from './input-records.ts'
import { type PutOutcome, putRecords } from './put-records.ts'
import { isNoStream, noStreamError, streamConfig, streamOf, untilInterrupted } from './stream.ts'

export const put = defineCommand({
  name: 'put',
  summary: 'put lines or a file on a stream as records',
  details: `Puts each line of FILE, or of standard input, on STREAM (a name or an ARN; default: STREAM_NAME) as one record, without its line break. Empty lines are
skipped. Without --key and --key-field, each record has a random partition key, which spreads the records over all shards.

A file is checked before its first record is sent. Records of a pipe are sent as they arrive. If Kinesis refuses a record, the command
retries it, until no record is accepted for a minute. A retried record may follow later records of its key. If a reply of Kinesis is lost,
records may be on the stream twice.

Exits with 1 if a record could not be put, and names the lines. Ctrl-C ends the command after the request in flight.`,
  operands: '[STREAM] [FILE|-]',
  takesFiles: true,
  options: {
    key: { type: 'string', value: 'KEY', description: 'the partition key of all records' },
    'key-field': {
      type: 'string',
      value: 'NAME',
      description: 'take the partition key of each line, a JSON object, from this property',
    },
    whole: { type: 'boolean', description: 'put the whole input as one record' },
  },
  config: streamConfig,
  async run({ options, operands, config, output }) {
    const [operand, file = '-', ...excess] = operands
    if (excess.length > 0) {
      throw new UsageError(`'headgate put' takes one stream and one file, not also '${excess[0]}'.`)
    }
    const stream = streamOf(operand, config)
    const { streamName } = stream
    const { key, 'key-field': keyField, whole = false } = options
    if (key !== undefined && keyField !== undefined) throw new UsageError('--key and --key-field cannot be combined.')
    if (key !== undefined && !isValidKey(key)) throw new UsageError('--key must have 1 to 256 characters.')

    return await untilInterrupted(async (signal, exitCode) => {
      const { shards, records, failure } = await withAws(config, ({ kinesis }) =>
        putRecords({ kinesis, ...stream, file, whole, key, keyField, signal, onNote: output.note }),
      )
      if (failure === undefined || records > 0) {
        output.item({ stream: streamName, records, shards }, sentence(streamName, { records, shards }))
      }
      if (failure === undefined) return exitCodes.done
      if (!signal.aborted) throw isNoStream(failure) ? noStreamError(streamName, failure, hint(operands)) : failure
      output.note(failure instanceof Error ? failure.message : String(failure))
      return exitCode()
    })
  },
})

/** With more shards, the sentence contains only their number. */
const MAX_SHARDS_NAMED = 8

function sentence(streamName: string, { records, shards }: Pick<PutOutcome, 'records' | 'shards'>): string {
  const [first] = shards
  if (first === undefined) return `The input is empty: no record was put on '${streamName}'.`
  if (records === 1) {
    return `Put 1 record on '${streamName}', to ${first.shardId}, with the sequence number ${first.lastSequenceNumber}.`
  }
  const places =
    shards.length > MAX_SHARDS_NAMED
      ? `${shards.length} shards`
      : shards.map(shard => `${shard.shardId} (${shard.records})`).join(', ')
  return `Put ${records} records on '${streamName}', to ${places}.`
}

/** Explains the order of the operands to those who gave only a file. */
function hint(operands: readonly string[]): string {
  const [first, second] = operands
  if (first === undefined || second !== undefined || !existsSync(first)) return ''
  return ` To put the file '${first}' on the stream of STREAM_NAME: headgate put < ${first}`
}
