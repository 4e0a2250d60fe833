import { ConditionalCheckFailedException, UpdateItemCommand } from '@aws-sdk/client-dynamodb'
import { arn, attempt } from '../attempt.ts'
import { type Check, ok } from '../check.ts'

export const writeRecords: Check = {
  id: 'write-records',
  title: 'upload records can be written',
  async run({ config, aws, signal }) {
    const TableName = config.UPLOADS_TABLE
    const update = new UpdateItemCommand({
      TableName,
      // No record exists under this key: tokens cannot name an owner with a '#'. So the condition is never true, and nothing is written.
      Key: { owner: { S: 'headgate#doctor' }, uploadId: { S: crypto.randomUUID() } },
      UpdateExpression: 'SET #s = :s',
      ConditionExpression: 'attribute_exists(#owner)',
      ExpressionAttributeNames: { '#s': 'status', '#owner': 'owner' },
      ExpressionAttributeValues: { ':s': { S: 'never' } },
    })
    const written = aws.dynamodb.send(update, { abortSignal: signal }).catch(error => {
      if (!(error instanceof ConditionalCheckFailedException)) throw error
    })
    const resource = arn.table(config.AWS_REGION, TableName)
    await attempt({ action: 'dynamodb:UpdateItem', resource, variable: 'UPLOADS_TABLE' }, written)
    return ok('a write with a false condition was rejected for the condition, and not for a missing permission')
  },
}
