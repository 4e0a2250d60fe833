import { UpdateItemCommand } from '@aws-sdk/client-dynamodb'
import t from 'tap'
import { APPLICATION, collector, shardsOf, startStream, whenever } from './support.ts'

t.test('a lease that KCL takes is lost at the next scan, not at the next renewal', async t => {
  const stream = await startStream(t, { shards: 1 })
  const { handler } = collector()
  // Renews every 100 seconds, so only a scan can notice within the test.
  const consumer = stream.consumer({ handler, failoverMs: 300_000, scanIntervalMs: 100 })
  const lost: string[] = []
  consumer.events.on('leaseLost', ({ reason }) => lost.push(reason))
  await consumer.start()
  await whenever([consumer], () => shardsOf(consumer).length === 1)
  const [leaseKey = ''] = shardsOf(consumer)
  const gone = whenever([consumer], () => lost.length > 0)

  // The update of KCL: the owner and the counter, without attributes that KCL does not know.
  await stream.dynamodb.send(
    new UpdateItemCommand({
      TableName: APPLICATION,
      Key: { leaseKey: { S: leaseKey } },
      UpdateExpression: 'SET leaseOwner = :java, leaseCounter = leaseCounter + :one',
      ExpressionAttributeValues: { ':java': { S: 'java' }, ':one': { N: '1' } },
    }),
  )
  await gone
  t.same(lost, ['taken by another worker'])
  t.same(shardsOf(consumer), [])
})
