import { type AttributeValue, GetItemCommand } from '@aws-sdk/client-dynamodb'
import t, { type Test } from 'tap'
import { createLocalClients } from '../../services/local/clients.ts'
import { createNotificationStore } from '../../services/uploads/notifications/notification-store.ts'
import { createUploadStore } from '../../services/uploads/records/store.ts'
import { type FaultProxy, operation, startFaultProxy } from '../support/fault-proxy.ts'
import { destinationOf, notifying, startReceiver } from '../worker/notifications/world.ts'
import { going, startPipeline, streamRecord } from '../worker/pipeline.ts'
import { sizeOf, UNIT } from './item-size.ts'
import { notified, notifiedLater } from './upload-takes.ts'

const pipeline = await startPipeline(t)
const { aws } = pipeline
const table = aws.env.UPLOADS_TABLE ?? ''

type Item = Record<string, AttributeValue>

/** Counts the write units of updates by the item before and after each. The writes must come one after the other. */
function countUnits(dynamodb: FaultProxy): { units: number } {
  const counted = { units: 0 }
  dynamodb.inject(
    async exchange => {
      const body = await exchange.body()
      const { Key } = JSON.parse(body.toString()) as { Key: Item }
      const read = async () =>
        (await aws.dynamodb.send(new GetItemCommand({ TableName: table, Key, ConsistentRead: true }))).Item ?? {}
      const before = await read()
      const reply = await exchange.forward(body)
      counted.units += unitsOf(before, await read())
      await exchange.relay(reply)
    },
    { when: operation('UpdateItem') },
  )
  return counted
}

/**
 * Returns the units of a write, with those of the index of what is owed: one if its entry appears or disappears, and two if the keys of the
 * entry change. https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html
 */
function unitsOf(before: Item, after: Item): number {
  const ofTable = Math.ceil(Math.max(sizeOf(before), sizeOf(after)) / UNIT)
  const [old, fresh] = [before.notifyAt?.N, after.notifyAt?.N]
  if (old === fresh) return ofTable
  return ofTable + (old === undefined || fresh === undefined ? 1 : 2)
}

/** Processes a text, and returns the requests to DynamoDB, the write units and the requests to receivers that this takes. */
async function count(t: Test, { webhooks, isLate = false }: { webhooks: number; isLate?: boolean }) {
  const dynamodb = await startFaultProxy(t, aws.endpoints.dynamodb)
  const writes = countUnits(dynamodb)
  const clients = createLocalClients({ ...aws.endpoints, dynamodb: dynamodb.url })
  t.teardown(() => clients.destroy())
  const servers = await Promise.all(Array.from({ length: webhooks }, () => startReceiver(t)))
  const destinations = servers.map(({ url }, index) => destinationOf(`webhook-${index}`, url))
  const store = createNotificationStore({ dynamodb: clients.dynamodb, table })
  // The relay sends what no worker has sent.
  const settings = isLate ? { notifier: { concurrency: 0, maxWaiting: 0 } } : {}
  const { notifier, relay, clock } = notifying(pipeline, destinations, { store, ...settings })
  const upload = await pipeline.upload('hello kinesis')
  const processor = pipeline.processor({
    store: createUploadStore({ dynamodb: clients.dynamodb, table }),
    ...(webhooks > 0 && { notifier }),
  })
  await processor.process(streamRecord(upload), going)
  await notifier.drain(20_000)
  if (isLate) {
    clock.advance(60_000)
    await relay.runOnce()
  }
  t.strictSame(
    servers.map(({ seen }) => seen.length),
    servers.map(() => 1),
    'each webhook got one request',
  )
  const {
    'DynamoDB_20120810.UpdateItem': updates,
    'DynamoDB_20120810.Query': queries = 0,
    ...others
  } = dynamodb.counts()
  t.strictSame(others, {})
  t.comment(
    `${webhooks} webhooks${isLate ? ', sent by the relay' : ''}: ${updates} updates, ${writes.units} write units`,
  )
  return { updates, units: writes.units, queries }
}

t.test('without destinations, a text takes one update of one write unit, and nothing else', async t => {
  t.strictSame(await count(t, { webhooks: 0 }), { updates: 1, units: 1, queries: 0 })
})

t.test('a notification takes the further write units that the page shows, for any number of webhooks', async t => {
  const expected = { updates: 2, units: 1 + notified.dynamodbWrites, queries: 0 }
  for (const webhooks of [1, 2]) t.strictSame(await count(t, { webhooks }), expected)
})

t.test('a notification that the relay sends takes the write units that the page shows', async t => {
  const { updates, units } = await count(t, { webhooks: 1, isLate: true })
  t.strictSame({ updates, units }, { updates: 3, units: 1 + notifiedLater.dynamodbWrites })
})
