import { once } from 'node:events'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import t from 'tap'
import { createMetrics } from '../../services/api/admin/metrics.ts'
import { startAws } from '../support/aws.ts'
import { startFaultProxy } from '../support/fault-proxy.ts'
import { internalError } from '../support/faults/aws-errors.ts'
import { runProgram } from '../support/processes.ts'
import { buildTestApi, createTestUser, eventually, postJson } from './support.ts'

// The outage is as short as possible. For an outage of ten minutes: HEADGATE_OUTAGE_SECONDS=600
const seconds = Number(process.env.HEADGATE_OUTAGE_SECONDS ?? 0)
const MIN_UPLOADS = 20

const entry = path.resolve(import.meta.dirname, '../../services/worker/worker.ts')

t.test('while Kinesis is down uploads get 202 without delay, and all are processed afterwards', async t => {
  const aws = await startAws(t)
  const proxy = await startFaultProxy(t, aws.endpoints.kinesis)
  const metrics = createMetrics()
  const env = { EVENT_PUT_TIMEOUT_MS: '1000' }
  const api = await buildTestApi(t, aws, { endpoints: { kinesis: proxy.url }, env, metrics })
  const user = await createTestUser(aws)
  const upload = (n: number) => postJson(api, user, { filename: `${n}.txt`, content: `upload ${n}` })
  const logged = (text: string) => api.log.filter(line => line.includes(text)).length

  t.match(await upload(0), { status: 200 })
  const outage = proxy.inject(internalError('kinesis'))
  const began = performance.now()
  const worker = startWorker()
  const statuses: number[] = []
  while (statuses.length < MIN_UPLOADS || performance.now() - began < seconds * 1_000) {
    statuses.push((await upload(statuses.length + 1)).status)
    if (seconds > 0) await wait(100)
  }
  t.equal(statuses.filter(status => status !== 202).length, 0, `all ${statuses.length} uploads got 202`)
  t.equal(logged('Kinesis takes no events'), 1, 'the outage is logged once')
  const unwaited = logged('was not sent')
  t.ok(unwaited >= statuses.length / 2, `${unwaited} of ${statuses.length} did not wait`)
  t.match(await metrics.text(), /^headgate_event_outage 1$/m)

  outage.remove()
  await eventually(async () => {
    const { status } = await upload(statuses.push(0))
    return status === 200
  }, 60_000)
  t.equal(logged('Kinesis takes events again'), 1)
  t.match(await metrics.text(), /^headgate_event_outage 0$/m)

  const ofStatus = async (status: string) =>
    (await user.traces()).records.filter(record => record.status === status).length
  await eventually(async () => (await ofStatus('processed')) === statuses.length + 1, 120_000)
  worker.child.kill('SIGTERM')
  if (worker.child.exitCode === null) await once(worker.child, 'exit')
  t.comment(`${statuses.length + 1} uploads, ${Math.round((performance.now() - began) / 1_000)} s`)

  /** Starts a worker. During the outage it reads no events, and its relay can not publish. */
  function startWorker() {
    const times = { OUTBOX_GRACE_MS: '0', OUTBOX_INTERVAL_MS: '500', FAILOVER_TIME_MS: '2000' }
    return runProgram(t, [entry], { env: { ...aws.env, AWS_ENDPOINT_URL_KINESIS: proxy.url, ...times } })
  }
})
