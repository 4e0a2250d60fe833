import { type DynamoDBClient, UpdateItemCommand } from '@aws-sdk/client-dynamodb'
import type { Test } from 'tap'
import { itemKey } from '../../../services/uploads/records/store.ts'
import { httpApiEvent } from '../../api/gateway-events.ts'
import { type GrantBody, send } from '../../api/grants/support.ts'
import { createTestUser, NO_TRACES } from '../../api/support.ts'
import { type Scene, scheduled } from '../functions.ts'
import type { Answer } from './upload.ts'

const HOUR = 3_600_000

/** Removes an expired grant and what was uploaded with it. */
export async function endExpiredGrant(t: Test, { aws, start }: Scene): Promise<void> {
  const user = await createTestUser(aws)
  const api = await start('api')
  const post = (path: string, json?: unknown) => {
    const body = json === undefined ? {} : { body: JSON.stringify(json) }
    const headers = { ...user.auth, ...(json !== undefined && { 'content-type': 'application/json' }) }
    return api.invoke<Answer>(httpApiEvent({ method: 'POST', path, headers, ...body }))
  }
  const granted = await post('/uploads/grants', { filename: 'a.txt', contentType: 'text/plain', size: 5 })
  t.equal(granted.statusCode, 201)
  const { uploadId, put } = JSON.parse(granted.body) as GrantBody
  if (put) t.equal((await send(put, Buffer.from('hello'))).status, 200)
  t.match(await user.traces(), { objects: { length: 1 }, records: [{ uploadId, status: 'pending' }] })

  const sweep = await start('sweep')
  t.strictSame(await sweep.invoke(scheduled), { ended: 0 }, 'its time is not up yet')
  const table = aws.env.UPLOADS_TABLE ?? ''
  await backdate({ dynamodb: aws.dynamodb, table }, { owner: user.sub, uploadId }, 26 * HOUR)
  t.strictSame(await sweep.invoke(scheduled), { ended: 1 })
  t.strictSame(await user.traces(), NO_TRACES)
  const late = await post(`/uploads/${uploadId}/complete`)
  t.equal(late.statusCode, 404, late.body)
}

/** Makes a grant older by this many milliseconds. */
export async function backdate(
  { dynamodb, table }: { dynamodb: DynamoDBClient; table: string },
  key: { owner: string; uploadId: string },
  ms: number,
): Promise<void> {
  const at = (epochMs: number) => ({ S: new Date(epochMs).toISOString() })
  await dynamodb.send(
    new UpdateItemCommand({
      TableName: table,
      Key: itemKey(key),
      UpdateExpression: 'SET uploadedAt = :uploaded, expiresAt = :expires',
      ConditionExpression: '#status = :pending',
      ExpressionAttributeNames: { '#status': 'status' },
      ExpressionAttributeValues: {
        ':uploaded': at(Date.now() - ms),
        ':expires': at(Date.now() - ms + 24 * HOUR),
        ':pending': { S: 'pending' },
      },
    }),
  )
}
