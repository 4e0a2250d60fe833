import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { createUploadStore } from '../../../services/uploads/records/store.ts'
import { buildTestApi } from '../../api/support.ts'
import { startAws } from '../../support/aws.ts'
import { runProgram, until } from '../../support/processes.ts'
import { SECRET } from './receiver.ts'
import { accept, hang, owedAttributes, startReceiver, status } from './world.ts'

/** Waits until a question to a service is answered with true. */
async function untilTrue(ask: () => Promise<boolean>, { what, timeoutMs }: { what: string; timeoutMs: number }) {
  for (const end = Date.now() + timeoutMs; !(await ask()); await delay(50)) {
    if (Date.now() > end) throw new Error(`${what}: not within ${timeoutMs} ms`)
  }
}

const program = path.resolve(import.meta.dirname, '../../../services/worker/worker.ts')

t.test('a worker that is configured only by its environment notifies a webhook of uploads', async t => {
  const aws = await startAws(t, { shards: 1 })
  const server = await startReceiver(t)
  const api = await buildTestApi(t, aws, { env: { LOG_LEVEL: 'error' } })
  const env = {
    ...aws.env,
    FAILOVER_TIME_MS: '2000',
    HEALTH_PORT: '0',
    WEBHOOK_URL: server.url,
    WEBHOOK_SECRET: SECRET,
    NOTIFICATIONS_ALLOW_ADDRESSES: '127.0.0.1',
  }
  const startWorker = () => runProgram(t, [program], { env })
  const { accessToken, idToken } = await aws.signIn()
  const owner = String(JSON.parse(Buffer.from(idToken.split('.')[1] ?? '', 'base64url').toString()).sub)
  const store = createUploadStore({ dynamodb: aws.dynamodb, table: aws.env.UPLOADS_TABLE ?? '' })

  /** Uploads a text, and resolves to its key once it is processed. */
  async function upload() {
    const response = await fetch(`${api.url}/uploads`, {
      method: 'POST',
      headers: { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json' },
      body: JSON.stringify({ filename: 'demo.txt', content: 'hello' }),
    })
    const { uploadId } = (await response.json()) as { uploadId: string }
    const key = { owner, uploadId }
    const isProcessed = async () => (await store.get(key))?.status === 'processed'
    await untilTrue(isProcessed, { timeoutMs: 60_000, what: 'the upload' })
    return key
  }
  const accepted = ({ uploadId }: { uploadId: string }) =>
    server.accepted.filter(({ data }) => data.uploadId === uploadId)
  const isNotified = (key: { uploadId: string }) =>
    until(() => accepted(key).length > 0, { timeoutMs: 90_000, what: 'the notification' })

  const worker = startWorker()
  const first = await upload()
  await isNotified(first)
  t.match(accepted(first), [{ type: 'upload.processed', data: { owner, filename: 'demo.txt' } }])

  server.answer(status(503))
  const refused = await upload()
  const isRefused = () => server.seen.some(({ data }) => data.uploadId === refused.uploadId)
  await until(isRefused, { timeoutMs: 20_000, what: 'the attempt' })
  server.answer(accept)
  await isNotified(refused)
  t.equal(accepted(refused).length, 1, 'the relay of the worker retries')
  t.match(worker.stdout(), /a notification could not be delivered/)
  const url = /"health":"([^"]+)"/.exec(worker.stdout())?.[1] ?? ''
  const metrics = await (await fetch(`${url}/metrics`)).text()
  t.match(metrics, 'headgate_notifications_sent_total{destination="webhook"} 2')
  t.match(metrics, 'headgate_notifications_failed_total{destination="webhook"}')
  t.match(metrics, 'headgate_notification_age_seconds 0')
  t.notMatch(worker.stdout(), SECRET)

  server.answer(hang)
  const killed = await upload()
  await until(() => server.seen.some(({ data }) => data.uploadId === killed.uploadId), {
    timeoutMs: 20_000,
    what: 'the attempt of the worker that is killed',
  })
  worker.child.kill('SIGKILL')
  await worker.ended
  server.answer(accept)
  const successor = startWorker()
  await isNotified(killed)
  const ids = server.seen.filter(({ data }) => data.uploadId === killed.uploadId).map(({ id }) => id)
  t.equal(new Set(ids).size, 1, 'the successor sends it with the same id')
  await untilTrue(async () => Object.keys(await owedAttributes({ aws }, killed)).length === 0, {
    timeoutMs: 20_000,
    what: 'the record of the delivery',
  })
  successor.child.kill('SIGTERM')
  t.match(await successor.ended, { code: 0 })
})
