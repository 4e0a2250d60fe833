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
      // No token has an owner with a '#', and no record is under this one: the condition never holds, and nothing is written.
      Key: { owner: { S: 'headgate#doctor' }, uploadId: { S: crypto.randomUUID() } },
      UpdateExpression: 'SET #s = :s',
      ConditionExpression: 'attribute_exists(#owner)',
      ExpressionAttributeNames: { '#s': 'status', '#owner': 'owner' },
      ExpressionAttributeValues: { ':s': { S: 'never' } },
    })
    const updating = aws.dynamodb.send(update, { abortSignal: signal }).catch(error => {
      if (!(error instanceof ConditionalCheckFailedException)) throw error
    })
    const resource = arn.table(config.AWS_REGION, TableName)
    await attempt({ action: 'dynamodb:UpdateItem', resource, variable: 'UPLOADS_TABLE' }, updating)
    return ok('a write whose condition does not hold is refused for that, and not for want of permission')
  },
}
