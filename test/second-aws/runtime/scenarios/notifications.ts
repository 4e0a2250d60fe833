import { UpdateItemCommand } from '@aws-sdk/client-dynamodb'
import { marshall } from '@aws-sdk/util-dynamodb'
import type { Test } from 'tap'
import { names } from '../../../../services/platform/resources.ts'
import { itemKey } from '../../../../services/uploads/records/store.ts'
import { kinesisEvent } from '../../../worker/kinesis-event.ts'
import { SECRET } from '../../../worker/notifications/receiver.ts'
import { accept, hang, owedAttributes, startReceiver } from '../../../worker/notifications/world.ts'
import { type Pipeline, streamRecord } from '../../../worker/pipeline.ts'
import type { EmulatedFunction } from '../emulator.ts'

/** Starts a function of the image. */
export type StartFunction = (role: 'processor' | 'relay', env: Record<string, string>) => Promise<EmulatedFunction>

/** The processor notifies a webhook during its invocation. What it does not get to, the relay function sends. */
export async function notifyWebhook(t: Test, pipeline: Pipeline, start: StartFunction): Promise<void> {
  const { aws, upload, store } = pipeline
  const server = await startReceiver(t)
  const env = { WEBHOOK_URL: server.url, WEBHOOK_SECRET: SECRET, NOTIFICATIONS_ALLOW_ADDRESSES: '127.0.0.1' }
  const processor = await start('processor', env)
  const relay = await start('relay', env)
  const idsOf = (notifications: typeof server.seen, { uploadId }: { uploadId: string }) =>
    notifications.filter(({ data }) => data.uploadId === uploadId).map(({ id }) => id)

  const sent = await upload('hello')
  t.strictSame((await processor.invoke(kinesisEvent([streamRecord(sent)]))).answer, { batchItemFailures: [] })
  t.equal(idsOf(server.accepted, sent).length, 1, 'it is sent before the invocation ends')
  t.strictSame(await owedAttributes(pipeline, sent), {})

  server.answer(hang)
  const left = await upload('hello')
  t.strictSame((await processor.invoke(kinesisEvent([streamRecord(left)]))).answer, { batchItemFailures: [] })
  t.match(await store.get(left), { status: 'processed' })
  t.ok((await owedAttributes(pipeline, left)).notifyAt, 'the receiver hangs, so it is left to the relay')
  // As if the time that the processor has for a notification were over.
  const makeDue = new UpdateItemCommand({
    TableName: names.uploadsTable,
    Key: itemKey(left),
    UpdateExpression: 'SET notifyAt = :due',
    ExpressionAttributeValues: marshall({ ':due': Date.now() - 1_000 }),
  })
  await aws.dynamodb.send(makeDue)
  server.answer(accept)
  await relay.invoke({})
  t.equal(idsOf(server.accepted, left).length, 1, 'the relay function sends it')
  t.equal(new Set(idsOf(server.seen, left)).size, 1, 'with the same id')
  t.strictSame(await owedAttributes(pipeline, left), {})
}
