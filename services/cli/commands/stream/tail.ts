import { once } from 'node:events'
import { systemClock } from '../../../consumer/clock.ts'
import type { ConsumerRecord } from '../../../consumer/index.ts'
import { createKinesisStream } from '../../../consumer/kinesis/kinesis-stream.ts'
import { withAws } from '../../aws.ts'
import { defineCommand } from '../../command.ts'
import { exitCodes, UsageError } from '../../errors.ts'
import { parseTime, TIME_HELP } from '../../times.ts'
import { readStream } from './read-stream.ts'
import { recordRow, recordText } from './record-output.ts'
import { streamConfig, streamOf, untilInterrupted } from './stream.ts'

/** A reply of Kinesis has up to 10 MiB. A call that takes longer than this has a dead connection. */
const REQUEST_TIMEOUT_MS = 30_000

export const tail = defineCommand({
  name: 'tail',
  summary: 'print the records of a stream as they arrive',
  details: `Reads every shard of STREAM (a name or an ARN; default: STREAM_NAME), also shards that a resharding creates, until Ctrl-C. Each line has the arrival
time, the shard, the partition key (- if there is none) and the data. Aggregated records of the KPL are printed one by one.

JSON is printed on one line, other text with escaped control characters, and other bytes in hexadecimal. With --json, each record is
an object: \`data\` is a value if \`encoding\` is json, and otherwise a string: text, base64 or hex.

The command uses no lease table and changes nothing. All readers of a shard share 5 reads and 2 MiB a second. The command reads a shard
at most twice a second, and once a second if there are no new records.`,
  operands: '[STREAM]',
  options: {
    from: {
      type: 'string',
      value: 'TIME',
      description: `where to start: latest, trim-horizon (the oldest record), or a time ${TIME_HELP} (default: latest; with --no-follow: trim-horizon)`,
    },
    filter: {
      type: 'string',
      multiple: true,
      value: 'TEXT',
      description: 'only records with this text in the key or the data. Can be given several times: all must occur',
    },
    shard: {
      type: 'string',
      multiple: true,
      value: 'ID',
      description: 'only this shard, without its children. Can be given several times',
    },
    limit: { type: 'string', value: 'NUMBER', description: 'end after this many records' },
    'no-follow': { type: 'boolean', description: 'end once every shard is read up to now' },
    hex: { type: 'boolean', description: 'print all data as bytes' },
  },
  config: streamConfig,
  async run({ options, operands, config, output }) {
    const [operand, ...excess] = operands
    if (excess.length > 0) throw new UsageError(`'headgate tail' reads one stream, not also '${excess[0]}'.`)
    const named = streamOf(operand, config)
    const { streamName } = named
    const follow = options['no-follow'] !== true
    const from = startOf(options.from ?? (follow ? 'latest' : 'trim-horizon'))
    const isWanted = createFilter(options.filter ?? [])
    const limit = limitOf(options.limit)
    const format = { hex: options.hex === true }

    return await untilInterrupted((interrupted, exitCode) =>
      withAws(config, async ({ kinesis }) => {
        const enough = new AbortController()
        let printed = 0
        const reading = readStream({
          streamName,
          stream: createKinesisStream({
            kinesis,
            ...named,
            requestTimeoutMs: REQUEST_TIMEOUT_MS,
            onFallback: () => undefined, // Reading works as well without CBOR, only slower.
          }),
          from,
          shardIds: options.shard,
          follow,
          signal: AbortSignal.any([interrupted, enough.signal]),
          onStart(shards) {
            if (!follow) return
            const start = from instanceof Date ? from.toISOString() : from
            output.note(
              `Reading ${shards} ${shards === 1 ? 'shard' : 'shards'} of '${streamName}' from ${start}. Ctrl-C ends this.`,
            )
          },
          onRecords(records) {
            for (const record of records) {
              if (enough.signal.aborted) return
              if (!isWanted(record)) continue
              if (output.json) output.item(recordRow(record, format), '')
              else output.item(undefined, recordText(record, format))
              if (++printed === limit) enough.abort()
            }
          },
          onNote: output.note,
          clock: systemClock,
          wallClock: Date.now,
          random: Math.random,
        })
        // Ctrl-C does not wait for requests, because nothing has to be completed.
        await Promise.race([reading, firing(interrupted)])
        // Ctrl-C is the normal end of a command that follows without a limit.
        const isCutShort = interrupted.aborted && (!follow || limit !== undefined)
        return isCutShort ? exitCode() : exitCodes.done
      }),
    )
  },
})

/** Resolves when the signal fires. */
async function firing(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort')
}

/** @throws UsageError */
function startOf(from: string): 'trim-horizon' | 'latest' | Date {
  // Also the names that Kinesis uses.
  const name = from.toLowerCase().replaceAll('_', '-')
  if (name === 'trim-horizon' || name === 'latest') return name
  const time = parseTime('from', from)
  if (time === undefined || time.getTime() > Date.now()) {
    throw new UsageError(`--from must be a time in the past, not ${from}.`)
  }
  return time
}

/** Returns a function that tells whether a record has all texts in its key or its data. @throws UsageError */
function createFilter(texts: readonly string[]): (record: ConsumerRecord) => boolean {
  if (texts.includes('')) throw new UsageError('--filter must not be empty.')
  return ({ partitionKey, data }) => {
    const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength)
    return texts.every(text => partitionKey?.includes(text) || bytes.includes(text))
  }
}

/** @throws UsageError */
function limitOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new UsageError(`--limit must be a positive whole number, not '${text}'.`)
  return Number(text)
}
