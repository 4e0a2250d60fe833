import path from 'node:path'
import { mock } from 'node:test'
import t, { type Test } from 'tap'
import { runProgram, until } from '../../support/processes.ts'
import { kinesisEvent } from '../kinesis-event.ts'
import { startPipeline, streamRecord } from '../pipeline.ts'
import { SECRET } from './receiver.ts'
import { accept, hang, owedAttributes, startReceiver } from './world.ts'

const pipeline = await startPipeline(t)
const server = await startReceiver(t)
const env = {
  ...pipeline.aws.env,
  LOG_LEVEL: 'silent',
  WEBHOOK_URL: server.url,
  WEBHOOK_SECRET: SECRET,
  NOTIFICATIONS_ALLOW_ADDRESSES: '127.0.0.1',
}
const environment = { ...process.env }
Object.assign(process.env, env)
t.teardown(() => {
  process.env = environment
})
// The query gives this file instances of its own: another test of the process may have imported them with its environment.
const entry = (name: string) => new URL(`../../../services/worker/${name}.ts?notifications`, import.meta.url).href
const { handler }: typeof import('../../../services/worker/lambda.ts') = await import(entry('lambda'))
const { handler: relay }: typeof import('../../../services/worker/lambda-relay.ts') = await import(
  entry('lambda-relay')
)
const context = { getRemainingTimeInMillis: () => 60_000 }
const NOTHING_FAILED = { batchItemFailures: [] }

/** Invokes the relay function as its schedule would, once the processor's time for a notification is over. */
async function relayLater(): Promise<void> {
  mock.timers.enable({ apis: ['Date'], now: Date.now() + 31_000 })
  try {
    await relay({}, context)
  } finally {
    mock.timers.reset()
  }
}

async function uploadText() {
  const upload = await pipeline.upload('hello')
  const of = (notifications: typeof server.seen) =>
    notifications.filter(({ data }) => data.uploadId === upload.uploadId).map(({ id }) => id)
  return {
    upload,
    event: kinesisEvent([streamRecord(upload)]),
    seen: () => of(server.seen),
    accepted: () => of(server.accepted),
    owed: () => owedAttributes(pipeline, upload),
  }
}

/** Starts a processor in a process of its own, and waits until its receiver, which hangs, has the notification. */
async function startHanging(t: Test, { event, seen }: Awaited<ReturnType<typeof uploadText>>) {
  server.answer(hang)
  const program = runProgram(t, [path.join(import.meta.dirname, 'lambda-program.ts')], {
    env: { ...env, EVENT: JSON.stringify(event) },
  })
  await until(() => seen().length > 0, { timeoutMs: 60_000, what: 'the notification' })
  return program
}

t.test('the processor on Lambda sends notifications before its invocation ends', async t => {
  const { event, accepted, owed } = await uploadText()
  t.strictSame(await handler(event, context), NOTHING_FAILED)
  t.equal(accepted().length, 1)
  t.strictSame(await owed(), {})
  await relayLater()
  t.equal(accepted().length, 1, 'nothing is left to the relay')
})

t.test('the relay function sends what a receiver did not accept while the invocation lasted', async t => {
  const { upload, event, seen, accepted, owed } = await uploadText()
  server.answer(hang)
  t.strictSame(await handler(event, context), NOTHING_FAILED)
  t.match(await pipeline.store.get(upload), { status: 'processed' })
  t.ok((await owed()).notifyAt, 'it is still owed')
  server.answer(accept)
  await relay({}, context)
  t.equal(accepted().length, 0, 'it is not due yet')
  await relayLater()
  t.equal(accepted().length, 1)
  t.equal(new Set(seen()).size, 1, 'both attempts had the same id')
  t.strictSame(await owed(), {})
})

t.test('a processor that dies after the write of the status loses no notification', async t => {
  const upload = await uploadText()
  const program = await startHanging(t, upload)
  program.child.kill('SIGKILL')
  await program.ended
  t.match(await pipeline.store.get(upload.upload), { status: 'processed' })
  server.answer(accept)
  await relayLater()
  t.equal(upload.accepted().length, 1)
  t.strictSame(await handler(upload.event, context), NOTHING_FAILED, 'Lambda delivers the batch again')
  t.equal(new Set(upload.seen()).size, 1, 'it has the same id each time')
  t.strictSame(await upload.owed(), {})
})

t.test(
  'a processor that is frozen while it sends loses no notification, and changes nothing when it continues',
  async t => {
    const upload = await uploadText()
    const program = await startHanging(t, upload)
    program.child.kill('SIGSTOP')
    server.answer(accept)
    await relayLater()
    t.equal(upload.accepted().length, 1)
    t.strictSame(await upload.owed(), {})
    program.child.kill('SIGCONT')
    await until(() => program.stdout().includes('returned'), { timeoutMs: 60_000, what: 'the end of the invocation' })
    t.match(program.stdout(), `returned ${JSON.stringify(NOTHING_FAILED)}`)
    t.strictSame(await upload.owed(), {})
    t.equal(new Set(upload.seen()).size, 1)
  },
)

t.test('a receiver that hangs does not hold up further invocations', async t => {
  server.answer(hang)
  const first = await Promise.all(Array.from({ length: 5 }, () => uploadText()))
  const batch = { Records: first.flatMap(({ event }) => event.Records) }
  t.strictSame(await handler(batch, context), NOTHING_FAILED)
  const next = [await uploadText(), await uploadText(), await uploadText()]
  for (const { upload, event, owed } of next) {
    t.strictSame(await handler(event, context), NOTHING_FAILED)
    t.match(await pipeline.store.get(upload), { status: 'processed' })
    t.ok((await owed()).notifyAt, 'it is owed')
  }
  // The breaker allows a probe after 5 s, and another one 10 s later. A loaded machine may take that long.
  const attempted = next.filter(({ seen }) => seen().length > 0)
  t.ok(attempted.length < next.length, `${attempted.length} of ${next.length} waited for the receiver`)
  server.answer(accept)
  await relayLater()
  for (const { accepted, owed } of [...first, ...next]) {
    t.equal(accepted().length, 1)
    t.strictSame(await owed(), {})
  }
})
