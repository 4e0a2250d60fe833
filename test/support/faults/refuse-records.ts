import { buffer } from 'node:stream/consumers'
import type { Fault } from '../fault-proxy.ts'
import { type Exchange, lost } from './exchange.ts'

/** An entry of PutRecords in the protocol; `Data` is base64. */
export interface PutRecordsEntry {
  Data: string
  PartitionKey: string
}

interface PutRecordsResult {
  SequenceNumber?: string
  ShardId?: string
  ErrorCode?: string | null
  ErrorMessage?: string
}

const REFUSED: PutRecordsResult = {
  ErrorCode: 'ProvisionedThroughputExceededException',
  ErrorMessage: 'Rate exceeded for shard shardId-000000000000 in stream.',
}

/**
 * Fails some records of a PutRecords, as Kinesis does when some shards are busy. The server gets only the other
 * records, and the client gets one response for all records in their order.
 */
export function refuseRecords(isRefused: (entry: PutRecordsEntry, index: number) => boolean): Fault {
  return async exchange => {
    const call = JSON.parse((await exchange.body()).toString()) as { Records: PutRecordsEntry[] }
    const fates = call.Records.map(isRefused)
    const kept = call.Records.filter((_, index) => !fates[index])
    // Kinesis rejects an empty PutRecords.
    if (kept.length === 0) return send(exchange, fates, [])
    const reply = await exchange.forward(Buffer.from(JSON.stringify({ ...call, Records: kept })))
    if (reply.statusCode !== 200) return exchange.relay(reply)
    const text = await buffer(reply).catch(lost)
    const { Records } = JSON.parse(text.toString()) as { Records: PutRecordsResult[] }
    send(exchange, fates, Records)
  }
}

function send(exchange: Exchange, fates: readonly boolean[], taken: readonly PutRecordsResult[]): void {
  const left = [...taken]
  const Records = fates.map(refused => (refused ? REFUSED : (left.shift() ?? {})))
  const FailedRecordCount = Records.filter(({ ErrorCode }) => ErrorCode).length
  const headers = { 'content-type': 'application/x-amz-json-1.1' }
  exchange.answer(200, headers, JSON.stringify({ FailedRecordCount, Records }))
}
