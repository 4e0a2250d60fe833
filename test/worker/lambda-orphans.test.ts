import { DeleteItemCommand, GetItemCommand } from '@aws-sdk/client-dynamodb'
import t from 'tap'
import { itemKey } from '../../services/uploads/records/store.ts'
import { startPipeline } from './pipeline.ts'

t.test('the scheduled function sweeps orphans if a sweep is due, configured only by its environment', async t => {
  const { aws } = await startPipeline(t, { shards: 1 })
  const before = { ...process.env }
  t.teardown(() => {
    process.env = before
  })
  Object.assign(process.env, aws.env, { LOG_LEVEL: 'silent' })
  const entry = new URL('../../services/worker/lambda-orphans.ts?orphans', import.meta.url).href
  const { handler }: typeof import('../../services/worker/lambda-orphans.ts') = await import(entry)
  const context = { getRemainingTimeInMillis: () => 60_000 }
  t.strictSame(await handler({}, context), { requeued: 0, removed: 0 })
  t.strictSame(await handler({}, context), {}, 'the next sweep is due in some hours')
  const turn = { TableName: aws.env.UPLOADS_TABLE, Key: itemKey({ owner: '#strays', uploadId: 'sweep-9' }) }
  const { Item } = await aws.dynamodb.send(new GetItemCommand(turn))
  t.ok(Number(Item?.nextAt?.N) > Date.now(), 'the time of the next sweep is stored')
  await aws.dynamodb.send(new DeleteItemCommand(turn))
  t.strictSame(await handler({}, context), { requeued: 0, removed: 0 })
})
