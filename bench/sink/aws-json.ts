import { type SinkCounts, type SinkReply, unknownRequest } from './counts.ts'
import { exampleRecord } from './example.ts'

/**
 * Accepts a request to DynamoDB or Kinesis as AWS would, counts it, and returns the shortest response that the SDK
 * accepts.
 *
 * @param target the header `x-amz-target`
 */
export function takeJson(target: string, body: Buffer, counts: SinkCounts): SinkReply {
  switch (target) {
    case 'Kinesis_20131202.PutRecord':
      counts.records++
      return json(putResult(counts.records))
    case 'Kinesis_20131202.PutRecords': {
      const { Records } = JSON.parse(body.toString()) as { Records: unknown[] }
      const results = Records.map(() => putResult(++counts.records))
      return json({ FailedRecordCount: 0, Records: results })
    }
    case 'DynamoDB_20120810.PutItem':
      counts.items++
      return json({})
    case 'DynamoDB_20120810.UpdateItem':
      // The sweep of orphaned objects asks for its turn, and is told that another worker has it.
      if (body.includes('"#strays"')) return json({ __type: 'ConditionalCheckFailedException' }, 400)
      counts.updates++
      // Only the message of a notification needs the record.
      return json(body.includes('"ALL_OLD"') ? { Attributes: exampleRecord(body) } : {})
    case 'DynamoDB_20120810.GetItem':
      return json({})
    // Background queries of a service find nothing.
    case 'DynamoDB_20120810.Query':
      return json({ Items: [], Count: 0, ScannedCount: 0 })
  }
  return unknownRequest(counts, target)
}

function putResult(number: number) {
  return { SequenceNumber: String(number).padStart(56, '0'), ShardId: 'shardId-000000000000' }
}

function json(value: unknown, status = 200): SinkReply {
  return { status, headers: { 'content-type': 'application/x-amz-json-1.1' }, body: JSON.stringify(value) }
}
