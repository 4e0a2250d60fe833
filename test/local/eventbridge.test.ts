import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  GetRecordsCommand,
  GetShardIteratorCommand,
  type KinesisClient,
  ListShardsCommand,
} from '@aws-sdk/client-kinesis'
import t from 'tap'
import { startEventBridge } from '../../services/local/eventbridge/index.ts'
import { compilePattern } from '../../services/local/eventbridge/pattern.ts'
import { MAX_ENTRIES_BYTES } from '../../services/local/eventbridge/put-events.ts'
import { names } from '../../services/platform/resources.ts'
import { eventually } from '../api/support.ts'
import { createDataFolder, startAws, type TestAws } from '../support/aws.ts'

const STREAM_ARN = `arn:aws:kinesis:us-east-1:000000000000:stream/${names.stream}`

/** Calls EventBridge by its protocol. Resolves to the status and the answer. */
async function call(
  aws: Pick<TestAws, 'env'>,
  operation: string,
  input: unknown,
  contentType = 'application/x-amz-json-1.1',
) {
  const response = await fetch(aws.env.AWS_ENDPOINT_URL_EVENTBRIDGE ?? '', {
    method: 'POST',
    headers: { 'content-type': contentType, 'x-amz-target': `AWSEvents.${operation}` },
    body: typeof input === 'string' ? input : JSON.stringify(input),
  })
  return { status: response.status, ...((await response.json()) as Record<string, unknown>) }
}

/** Resolves to all records of the stream, parsed. */
async function recordsOf(kinesis: KinesisClient): Promise<Array<Record<string, unknown>>> {
  const { Shards = [] } = await kinesis.send(new ListShardsCommand({ StreamName: names.stream }))
  const records = await Promise.all(
    Shards.map(async ({ ShardId }) => {
      const at = { StreamName: names.stream, ShardId, ShardIteratorType: 'TRIM_HORIZON' } as const
      const { ShardIterator } = await kinesis.send(new GetShardIteratorCommand(at))
      const { Records = [] } = await kinesis.send(new GetRecordsCommand({ ShardIterator }))
      return Records.map(({ Data }) => JSON.parse(Buffer.from(Data ?? []).toString()))
    }),
  )
  return records.flat()
}

t.test('the embedded EventBridge puts the events that match a rule on a stream', async t => {
  const aws = await startAws(t)
  const pattern = { source: ['headgate'], detail: { data: { owner: ['o-1', { prefix: 'team-' }] } } }
  t.match(await call(aws, 'PutRule', { Name: 'mine', EventPattern: JSON.stringify(pattern) }), {
    RuleArn: 'arn:aws:events:us-east-1:000000000000:rule/mine',
  })
  t.match(await call(aws, 'PutTargets', { Rule: 'mine', Targets: [{ Id: 'a', Arn: STREAM_ARN }] }), {
    FailedEntryCount: 0,
  })
  const entry = (owner: string, more = {}) => ({
    Source: 'headgate',
    DetailType: 'upload.processed',
    Detail: JSON.stringify({ data: { owner } }),
    ...more,
  })
  const Time = Date.parse('2026-11-30T12:00:00Z') / 1_000
  const put = await call(aws, 'PutEvents', {
    Entries: [entry('o-1', { Time }), entry('o-2'), entry('team-7'), entry('o-1', { EventBusName: 'nowhere' })],
  })
  t.match(put, {
    status: 200,
    FailedEntryCount: 0,
    Entries: Array.from({ length: 4 }, () => ({ EventId: /^[0-9a-f-]{36}$/ })),
  })
  let found: Array<Record<string, unknown>> = []
  await eventually(async () => {
    found = await recordsOf(aws.kinesis)
    return found.length >= 2
  }, 20_000)
  t.strictSame(found.map(({ detail }) => JSON.stringify(detail)).sort(), [
    '{"data":{"owner":"o-1"}}',
    '{"data":{"owner":"team-7"}}',
  ])
  t.match(
    found.find(({ time }) => time === '2026-11-30T12:00:00Z'),
    {
      version: '0',
      source: 'headgate',
      'detail-type': 'upload.processed',
      account: '000000000000',
      region: 'us-east-1',
      resources: [],
    },
  )

  t.match(await call(aws, 'ListRules', {}), { Rules: [{ Name: 'mine', State: 'ENABLED' }] })
  t.match(await call(aws, 'ListTargetsByRule', { Rule: 'mine' }), { Targets: [{ Id: 'a', Arn: STREAM_ARN }] })
  t.match(await call(aws, 'DeleteRule', { Name: 'mine' }), { __type: 'ValidationException' })
  await call(aws, 'RemoveTargets', { Rule: 'mine', Ids: ['a'] })
  t.match(await call(aws, 'DeleteRule', { Name: 'mine' }), { status: 200 })
  t.match(await call(aws, 'ListRules', {}), { Rules: [] })
})

t.test('the embedded EventBridge refuses what EventBridge refuses', async t => {
  const aws = await startAws(t)
  const good = { Source: 'headgate', DetailType: 'x', Detail: '{}' }
  const entries = [
    good,
    { ...good, Detail: '[]' },
    { ...good, Detail: '{' },
    { ...good, Source: 'aws.s3' },
    { Detail: '{}' },
  ]
  t.match(await call(aws, 'PutEvents', { Entries: entries }), {
    status: 200,
    FailedEntryCount: 4,
    Entries: [
      { EventId: String },
      { ErrorCode: 'MalformedDetail' },
      { ErrorCode: 'MalformedDetail' },
      { ErrorCode: 'NotAuthorizedForSourceException' },
      { ErrorCode: 'InvalidArgument', ErrorMessage: /Source is a required argument/ },
    ],
  })
  const huge = { ...good, Detail: JSON.stringify({ x: 'x'.repeat(MAX_ENTRIES_BYTES) }) }
  const refused = { status: 400, __type: 'ValidationException' }
  t.match(await call(aws, 'PutEvents', { Entries: [huge] }), refused)
  t.match(await call(aws, 'PutEvents', { Entries: [] }), refused)
  t.match(await call(aws, 'PutEvents', { Entries: Array.from({ length: 11 }, () => good) }), refused)
  t.match(await call(aws, 'PutEvents', '{'), { status: 400, __type: 'SerializationException' })
  t.match(await call(aws, 'PutEvents', { Entries: [good] }, 'text/plain'), { __type: 'SerializationException' })
  t.match(await call(aws, 'toString', {}), { status: 400, __type: 'UnknownOperationException' })
  t.match(await call(aws, 'PutTargets', { Rule: 'none', Targets: [{ Id: 'a', Arn: STREAM_ARN }] }), {
    __type: 'ResourceNotFoundException',
  })
  t.match(await call(aws, 'PutRule', { Name: 'a', EventPattern: '{}', EventBusName: 'nowhere' }), {
    __type: 'ResourceNotFoundException',
  })
  await call(aws, 'PutRule', { Name: 'a', EventPattern: '{"source":["x"]}' })
  t.match(await call(aws, 'PutTargets', { Rule: 'a', Targets: [{ Id: 'b', Arn: 'arn:aws:sqs:us-east-1:0:q' }] }), {
    FailedEntryCount: 1,
    FailedEntries: [{ TargetId: 'b', ErrorMessage: /only streams of Kinesis/ }],
  })
})

t.test('event patterns match as those of EventBridge do', async t => {
  const event = { source: 'headgate', detail: { size: 3, tags: ['a', 'b'], none: null, key: 'up/x.png' } }
  const yes = [
    { source: ['other', 'headgate'] },
    { detail: { size: [3], tags: ['b'], none: [null] } },
    { detail: { key: [{ prefix: 'up/' }] } },
    { detail: { key: [{ suffix: '.png' }], missing: [{ exists: false }], size: [{ exists: true }] } },
    { detail: { key: [{ wildcard: 'up/*.png' }] } },
    { source: [{ 'anything-but': ['a', 'b'] }] },
    { source: [{ 'equals-ignore-case': 'HeadGate' }] },
  ]
  const no = [
    { source: ['Headgate'] },
    { detail: { size: ['3'] } },
    { detail: { missing: ['x'] } },
    { detail: { missing: [{ 'anything-but': 'x' }] } },
    { detail: { key: [{ exists: false }] } },
    { source: ['headgate'], detail: { size: [4] } },
    { source: { deeper: ['x'] } },
  ]
  for (const pattern of yes) t.ok(compilePattern(JSON.stringify(pattern))(event), JSON.stringify(pattern))
  for (const pattern of no) t.notOk(compilePattern(JSON.stringify(pattern))(event), JSON.stringify(pattern))
  const wrong = [
    '{',
    '[]',
    '{}',
    '{"source":"x"}',
    '{"source":[]}',
    '{"source":[{"numeric":["<",1]}]}',
    '{"a":[["x"]]}',
  ]
  for (const pattern of wrong)
    t.throws(() => compilePattern(pattern), { code: 'InvalidEventPatternException' }, pattern)
})

t.test('rules are kept in a file, and a file with something else stops the start', async t => {
  const { kinesis } = await startAws(t)
  const file = join(createDataFolder(t), 'rules.json')
  const start = async () => {
    const server = await startEventBridge({ host: '127.0.0.1', port: 0, kinesis, file })
    let isStopped = false
    const stop = async () => {
      if (!isStopped) await server.stop()
      isStopped = true
    }
    t.teardown(stop)
    return { stop, env: { AWS_ENDPOINT_URL_EVENTBRIDGE: `http://127.0.0.1:${server.port}` } }
  }
  const first = await start()
  const EventPattern = JSON.stringify({ source: ['headgate'] })
  await call(first, 'PutRule', { Name: 'kept', EventPattern, State: 'DISABLED' })
  await call(first, 'PutTargets', { Rule: 'kept', Targets: [{ Id: 'a', Arn: STREAM_ARN }] })
  await call(first, 'PutRule', { Name: 'removed', EventPattern })
  await call(first, 'DeleteRule', { Name: 'removed' })
  const before = await call(first, 'ListRules', {})
  // Each answer comes after its change is on disk, so a server that is killed loses none.
  const killed = await start()
  t.strictSame(await call(killed, 'ListRules', {}), before)
  t.match(before, { Rules: [{ Name: 'kept', EventPattern, State: 'DISABLED' }] })
  t.match(await call(killed, 'ListTargetsByRule', { Rule: 'kept' }), { Targets: [{ Id: 'a', Arn: STREAM_ARN }] })
  await first.stop()
  await call(killed, 'PutRule', { Name: 'kept', EventPattern })
  const Detail = JSON.stringify({ data: { owner: 'after a restart' } })
  await killed.stop()
  const last = await start()
  await call(last, 'PutEvents', { Entries: [{ Source: 'headgate', DetailType: 'upload.processed', Detail }] })
  await eventually(async () => (await recordsOf(kinesis)).length > 0)
  t.match(await recordsOf(kinesis), [{ detail: { data: { owner: 'after a restart' } } }])
  await last.stop()
  for (const text of ['{"rules":', '{"version":2}']) {
    await writeFile(file, text)
    await t.rejects(start(), { code: 'HEADGATE_EMBEDDED_AWS', message: /rules of EventBridge cannot be read from/ })
  }
})
