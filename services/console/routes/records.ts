import { type KinesisClient, PutRecordCommand } from '@aws-sdk/client-kinesis'
import { type FastifyPluginCallbackTypebox, Type } from '@fastify/type-provider-typebox'
import type { Clock } from '../../consumer/clock.ts'
import { startPosition } from '../../consumer/fetching/position.ts'
import type { Shard } from '../../consumer/shards/shard.ts'
import { classifyReadError, type ShardPosition, type StreamReader } from '../../consumer/stream.ts'
import { BadRequestError } from '../errors.ts'
import { explainFailure } from '../explain-failure.ts'
import { type RecordPlace, readRecords } from '../records.ts'
import type { Failure, RecordsLine } from '../snapshot.ts'
import type { Watcher } from '../watch/watcher.ts'
import { openResponse } from './stream-response.ts'

export interface RecordsDeps {
  streamName: string
  allowChanges: boolean
  kinesis: KinesisClient
  /** Its reads are paced. */
  stream: StreamReader
  watcher: Pick<Watcher, 'lease' | 'shard'>
  clock: Clock
  closing: AbortSignal
}

const MIB = 1024 ** 2

const query = Type.Object({
  from: Type.Union(['oldest', 'latest', 'time', 'checkpoint', 'sequence'].map(name => Type.Literal(name))),
  /** Epoch milliseconds, for `time`. */
  at: Type.Optional(Type.Integer({ minimum: 0 })),
  /** For `sequence`. */
  sequence: Type.Optional(Type.String({ pattern: '^\\d{1,128}$' })),
  /** Continue after this record: its sequence number, a colon and its index. */
  after: Type.Optional(Type.String({ pattern: '^\\d{1,128}:\\d{1,9}$' })),
  follow: Type.Boolean({ default: false }),
  filter: Type.String({ default: '', maxLength: 1_000 }),
  limit: Type.Integer({ minimum: 1, maximum: 1_000, default: 100 }),
  maxBytes: Type.Integer({ minimum: 0, maximum: 10 * MIB, default: 16_384 }),
})

const params = Type.Object({ shardId: Type.String({ pattern: '^[a-zA-Z0-9_.-]{1,128}$' }) })

export const recordsRoutes: FastifyPluginCallbackTypebox<RecordsDeps> = (app, deps, done) => {
  const { streamName, stream, watcher, clock, closing } = deps

  /** @throws BadRequestError */
  function shardOf(shardId: string): Shard {
    const shard = watcher.shard(shardId)
    if (shard) return shard
    throw new BadRequestError(`The stream '${streamName}' does not list the shard '${shardId}', or no longer lists it.`)
  }

  app.get('/api/shards/:shardId/records', { schema: { params, querystring: query } }, async (request, reply) => {
    const { shardId } = request.params
    const { follow, filter, limit, maxBytes } = request.query
    const shard = shardOf(shardId)
    const from = positionOf(request.query, shardId, watcher)
    const after = placeOf(request.query.after)
    const response = openResponse(reply, 'application/x-ndjson', closing)
    const write = (line: RecordsLine) => response.write(`${JSON.stringify(line)}\n`)
    try {
      const { signal } = response
      const lines = readRecords({ shard, from, after, follow, filter, limit, maxBytes, stream, clock, signal })
      for await (const line of lines) await write(line)
    } catch (error) {
      if (!response.signal.aborted) await write({ type: 'failure', failure: explain(error, request.query, shardId) })
    }
    response.end()
  })

  function explain(error: unknown, { from, sequence }: Start, shardId: string): Failure {
    const fault = classifyReadError(error)
    // The shard itself is listed, so what Kinesis does not find is the sequence number.
    if (from === 'sequence' && (fault === 'invalid position' || fault === 'not found')) {
      return {
        title: `The shard '${shardId}' has no sequence number ${sequence}.`,
        advice: 'Copy the sequence number of a record of this shard, with all digits, or start at a time.',
      }
    }
    return explainFailure(error, { action: 'kinesis:GetRecords', resource: `the stream '${streamName}'` })
  }

  if (deps.allowChanges) addPut(shardOf)
  done()

  function addPut(find: (shardId: string) => Shard): void {
    const body = Type.Object({
      partitionKey: Type.String({ minLength: 1, maxLength: 256 }),
      /** Base64. */
      data: Type.String({ maxLength: 14 * MIB }),
    })
    const options = { schema: { params, body }, bodyLimit: 15 * MIB }
    app.post('/api/shards/:shardId/records', options, async request => {
      const { partitionKey, data } = request.body
      const shard = find(request.params.shardId)
      if (shard.closed) throw new BadRequestError(`'${shard.shardId}' is closed, and accepts no records.`)
      const { SequenceNumber, ShardId } = await deps.kinesis.send(
        new PutRecordCommand({
          StreamName: streamName,
          PartitionKey: partitionKey,
          Data: Buffer.from(data, 'base64'),
          // The record goes to this shard, and not to the shard of its key.
          ExplicitHashKey: shard.startingHashKey,
        }),
      )
      return { sequenceNumber: SequenceNumber, shardId: ShardId }
    })
  }
}

interface Start {
  from: string
  at?: number
  sequence?: string
  after?: string
}

/** @throws BadRequestError */
function positionOf(
  { from, at, sequence, after }: Start,
  shardId: string,
  watcher: RecordsDeps['watcher'],
): ShardPosition {
  const place = placeOf(after)
  // The record is read again, because it may be an aggregate with more records.
  if (place) return { type: 'AT_SEQUENCE_NUMBER', sequenceNumber: place.sequenceNumber }
  if (from === 'latest') return { type: 'LATEST' }
  if (from === 'oldest') return { type: 'TRIM_HORIZON' }
  if (from === 'time') {
    if (at === undefined) throw new BadRequestError('Choose a time.')
    return { type: 'AT_TIMESTAMP', at: new Date(at) }
  }
  if (from === 'sequence') {
    if (sequence === undefined) throw new BadRequestError('Enter a sequence number.')
    return { type: 'AT_SEQUENCE_NUMBER', sequenceNumber: sequence }
  }
  const lease = watcher.lease(shardId)
  if (!lease) throw new BadRequestError(`The lease table has no row for '${shardId}', so there is no checkpoint.`)
  if (lease.checkpoint.sequenceNumber === 'SHARD_END') {
    throw new BadRequestError(`'${shardId}' was processed to its end. Start at the oldest record.`)
  }
  return startPosition({ from: lease.checkpoint, startAt: lease.startAt })
}

function placeOf(text: string | undefined): RecordPlace | undefined {
  const [sequenceNumber, index] = text?.split(':') ?? []
  return sequenceNumber === undefined ? undefined : { sequenceNumber, subSequenceNumber: Number(index) }
}
