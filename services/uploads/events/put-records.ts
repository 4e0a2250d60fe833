import { type KinesisClient, PutRecordsCommand } from '@aws-sdk/client-kinesis'
import { getEndpointFromInstructions } from '@smithy/core/endpoints'
import { createSendDirect } from '../../platform/direct/request.ts'

export interface NewRecord {
  data: Uint8Array
  partitionKey: string
}

/** What Kinesis says of one record: it is on the stream where it has a sequence number. */
export interface PutResult {
  SequenceNumber?: string | undefined
  ErrorCode?: string | undefined
  ErrorMessage?: string | undefined
}

export interface PutRecordsOptions {
  signal: AbortSignal
  /** Told of each try of the SDK that failed. It gives only the last away, which may come when the time is long up. */
  onRefusal(cause: unknown): void
}

/** Puts records by one request. Resolves to a result for each, in their order. Throws what the SDK does. */
export type PutRecords = (records: readonly NewRecord[], options: PutRecordsOptions) => Promise<readonly PutResult[]>

const HEADERS = { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': 'Kinesis_20131202.PutRecords' }

/**
 * A request of events is shared by a few uploads only, so that what it costs the process is worth a way of its own. Where that does
 * not succeed the SDK's is taken: records whose reply was lost are then on the stream twice, as after any retry.
 */
export function createPutRecords(kinesis: KinesisClient, stream: string): PutRecords {
  const send = createSendDirect(kinesis.config, 'kinesis', () =>
    getEndpointFromInstructions({ StreamName: stream }, PutRecordsCommand, kinesis.config),
  )

  async function putDirectly(records: readonly NewRecord[], signal: AbortSignal): Promise<readonly PutResult[]> {
    const Records = records.map(({ data, partitionKey }) => ({ Data: toBase64(data), PartitionKey: partitionKey }))
    const body = Buffer.from(JSON.stringify({ StreamName: stream, Records }))
    const reply = await send({ method: 'POST', path: '/', headers: HEADERS, body, signal })
    return reply ? (JSON.parse(Buffer.from(reply.body).toString()) as { Records: PutResult[] }).Records : []
  }

  return async (records, { signal, onRefusal }) => {
    // An error says no more than a refusal: the SDK will have it too, and tell.
    const results = await putDirectly(records, signal).catch(() => [])
    if (results.length === records.length) return results
    const Records = records.map(({ data, partitionKey }) => ({ Data: data, PartitionKey: partitionKey }))
    const command = new PutRecordsCommand({ StreamName: stream, Records })
    listen(command, onRefusal)
    return (await kinesis.send(command, { abortSignal: signal })).Records ?? []
  }
}

function toBase64(data: Uint8Array): string {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64')
}

function listen(command: PutRecordsCommand, onRefusal: (cause: unknown) => void): void {
  command.middlewareStack.add(
    next => async args => {
      try {
        return await next(args)
      } catch (error) {
        onRefusal(error)
        throw error
      }
    },
    { name: 'publisherRefusals', step: 'finalizeRequest', priority: 'low' },
  )
}
