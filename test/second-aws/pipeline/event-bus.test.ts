import { readFileSync } from 'node:fs'
import t from 'tap'
import { strictSchema } from '../../worker/notifications/schema.ts'
import { accepted, get, post } from '../scenario/scene.ts'
import { callJson, REGION, type Target } from '../support/call.ts'
import { startFleet } from '../support/fleet.ts'
import { notInstalled } from '../support/installed.ts'
import { startSecondAws } from '../support/servers.ts'
import { createUser } from '../support/users.ts'

const BUS = 'uploads'
const PATIENCE_MS = 120_000

/** Returns the faults of a message by its published schema, to which undocumented properties belong. */
const faultsOf = strictSchema(
  JSON.parse(readFileSync(new URL('../../../docs/reference/notification-v1.schema.json', import.meta.url), 'utf8')),
)

/** An event as EventBridge delivers it to a target. */
interface DeliveredEvent {
  version: string
  source: string
  'detail-type': string
  time: string
  account: string
  detail: { type: string; timestamp: string; data: { uploadId: string; status: string; owner: string } }
}

/** Creates a queue that gets the events which match a pattern. Resolves to the URL of the queue. */
async function createTarget(server: Target, name: string, pattern: object): Promise<string> {
  const { QueueUrl } = await callJson(server, 'sqs', 'CreateQueue', { QueueName: name })
  const { Attributes } = await callJson(server, 'sqs', 'GetQueueAttributes', { QueueUrl, AttributeNames: ['QueueArn'] })
  const { QueueArn } = Attributes as { QueueArn: string }
  const rule = { Name: name, EventBusName: BUS }
  await callJson(server, 'events', 'PutRule', { ...rule, EventPattern: JSON.stringify(pattern) })
  await callJson(server, 'events', 'PutTargets', {
    ...{ Rule: name, EventBusName: BUS },
    Targets: [{ Id: 'queue', Arn: QueueArn }],
  })
  return String(QueueUrl)
}

/** Receives events until there are `count` of them, and removes them from the queue. */
async function receive(server: Target, QueueUrl: string, count: number): Promise<DeliveredEvent[]> {
  const events: DeliveredEvent[] = []
  for (const deadline = performance.now() + PATIENCE_MS; events.length < count && performance.now() < deadline; ) {
    const reply = await callJson(server, 'sqs', 'ReceiveMessage', {
      ...{ QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 2 },
    })
    for (const { Body, ReceiptHandle } of (reply.Messages ?? []) as Array<{ Body: string; ReceiptHandle: string }>) {
      events.push(JSON.parse(Body) as DeliveredEvent)
      await callJson(server, 'sqs', 'DeleteMessage', { QueueUrl, ReceiptHandle })
    }
  }
  return events
}

t.setTimeout(900_000)

for (const name of ['ministack', 'moto'] as const) {
  t.test(
    `rules on an event bus lead the events of uploads to queues, on ${name}`,
    { skip: notInstalled(name) },
    async t => {
      const server = await startSecondAws(t, name)
      t.comment(server.versions)
      await callJson(server, 'events', 'CreateEventBus', { Name: BUS })
      const all = await createTarget(server, 'all', { source: ['headgate'] })
      const failed = await createTarget(server, 'failed', {
        source: ['headgate'],
        'detail-type': ['upload.failed'],
        detail: { data: { status: ['failed'] } },
      })
      const env = {
        NOTIFICATIONS: JSON.stringify([{ name: 'bus', eventBus: BUS }]),
        AWS_ENDPOINT_URL_EVENTBRIDGE: server.url,
      }
      const fleet = await startFleet(t, server, { workers: 1, env })
      const user = await createUser(server, fleet.account, 'ann@example.com')
      const scene = { api: fleet.api, user }
      const send = async (filename: string, type: string, body: string) =>
        accepted(
          await post(scene, {
            query: `?filename=${filename}`,
            headers: { 'content-type': type },
            body: Buffer.from(body),
          }),
        )
      const text = await send('a.txt', 'text/plain', 'hello')
      const unreadable = await send('b.txt', 'text/plain; charset=binary', 'hello')

      const events = await receive(server, all, 2)
      t.equal(events.length, 2, 'two events came to the queue')
      const expected = [
        { ...text, status: 'processed' },
        { ...unreadable, status: 'failed' },
      ]
      for (const { uploadId, status } of expected) {
        const event = events.find(({ detail }) => detail.data.uploadId === uploadId)
        t.match(event, {
          version: '0',
          source: 'headgate',
          'detail-type': `upload.${status}`,
          region: REGION,
          detail: { type: `upload.${status}`, data: { owner: user.owner, status } },
        })
        t.strictSame(faultsOf(event?.detail), [], 'it has exactly the documented properties')
        const { timestamp = '', data } = event?.detail ?? {}
        t.equal(Date.parse(event?.time ?? ''), Math.floor(Date.parse(timestamp) / 1_000) * 1_000)
        t.match((await get(scene, `/uploads/${data?.uploadId}`)).body, { status })
      }
      t.match(await receive(server, failed, 1), [{ detail: { data: { uploadId: unreadable.uploadId } } }])
      const log = fleet.workers.map(worker => worker.stdout()).join('')
      t.notMatch(log, /a notification could not be delivered/)
    },
  )
}
