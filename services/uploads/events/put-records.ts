import { type KinesisClient, PutRecordsCommand } from '@aws-sdk/client-kinesis'
import { getEndpointFromInstructions } from '@smithy/core/endpoints'
import { createDirectOrSdk } from '../../platform/direct/direct-or-sdk.ts'

export interface NewRecord {
  data: Uint8Array
  partitionKey: string
}

/** The result of one record. The record is on the stream if it has a sequence number. */
export interface PutResult {
  SequenceNumber?: string | undefined
  ErrorCode?: string | undefined
  ErrorMessage?: string | undefined
}

export interface PutRecordsOptions {
  signal: AbortSignal
  /** Called with the error of each failed attempt of the SDK. The SDK itself throws only the last one, which may be too late. */
  onRefusal(cause: unknown): void
}

/** Puts records by one request. Resolves to a result for each record, in their order. Throws errors of the SDK. */
export type PutRecords = (records: readonly NewRecord[], options: PutRecordsOptions) => Promise<readonly PutResult[]>

/**
 * A few uploads share each request, so its CPU cost matters and it is made directly. If the SDK has to repeat a request whose reply
 * was lost, the records are on the stream twice, as after any retry.
 */
export function createPutRecords(kinesis: KinesisClient, stream: string): PutRecords {
  const directOrSdk = createDirectOrSdk(kinesis.config, {
    name: 'kinesis',
    contentType: 'application/x-amz-json-1.1',
    target: 'Kinesis_20131202',
    resolveEndpoint: () => getEndpointFromInstructions({ StreamName: stream }, PutRecordsCommand, kinesis.config),
  })

  return async (records, { signal, onRefusal }) => {
    const direct = records.map(({ data, partitionKey }) => ({ Data: toBase64(data), PartitionKey: partitionKey }))
    const { Records = [] } = await directOrSdk<{ Records?: PutResult[] | undefined }>(
      'PutRecords',
      { StreamName: stream, Records: direct },
      () => {
        const entries = records.map(({ data, partitionKey }) => ({ Data: data, PartitionKey: partitionKey }))
        const command = new PutRecordsCommand({ StreamName: stream, Records: entries })
        listen(command, onRefusal)
        return kinesis.send(command, { abortSignal: signal })
      },
      { signal, isComplete: reply => reply.Records?.length === records.length },
    )
    return Records
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
