import path from 'node:path'
import { GetObjectCommand, paginateListObjectsV2 } from '@aws-sdk/client-s3'
import t, { type Test } from 'tap'
import { names } from '../../services/platform/resources.ts'
import { buildTestApi } from '../api/support.ts'
import { startAws, type TestAws } from '../support/aws.ts'
import { isAlive, type Program, runProgram, until } from '../support/processes.ts'

const UPLOADS = 200
const PARALLEL = 8
const worker = path.resolve(import.meta.dirname, '../../services/worker/worker.ts')

/** Starts a worker process, as a container does. */
function startWorker(t: Test, aws: TestAws, env: Record<string, string> = {}): Program {
  return runProgram(t, [worker], { env: { ...aws.env, FAILOVER_TIME_MS: '2000', ...env } })
}

/** Returns how often a worker has logged a message. */
const logged = (program: Program, message: string) => program.stdout().split(`"msg":"${message}"`).length - 1

async function processedKeys({ s3 }: TestAws): Promise<string[]> {
  const keys: string[] = []
  for await (const page of paginateListObjectsV2({ client: s3 }, { Bucket: names.processedBucket })) {
    for (const { Key } of page.Contents ?? []) if (Key) keys.push(Key)
  }
  return keys
}

t.test('all 200 uploads are processed by two workers, although one is killed half way', async t => {
  const aws = await startAws(t)
  const { url } = await buildTestApi(t, aws, { env: { LOG_LEVEL: 'error' } })
  const { accessToken } = await aws.signIn()
  const headers = { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json' }
  const workers = [startWorker(t, aws), startWorker(t, aws)] as const
  await until(() => workers.every(program => logged(program, 'lease acquired') >= 2), {
    what: 'a share for each worker',
  })

  const ids: string[] = []
  const upload = async (n: number) => {
    const body = JSON.stringify({ filename: `${n}.txt`, content: `upload ${n}` })
    const response = await fetch(`${url}/uploads`, { method: 'POST', headers, body })
    t.equal(response.status, 200)
    ids[n] = ((await response.json()) as { uploadId: string }).uploadId
  }
  let next = 0
  const lane = async () => {
    while (next < UPLOADS) await upload(next++)
  }
  const lanes = Array.from({ length: PARALLEL }, lane)

  const [killed, survivor] = workers
  await until(() => logged(killed, 'processed') >= UPLOADS / 8, { what: 'some work by the worker that is killed' })
  killed.child.kill('SIGKILL')
  const doneWhenKilled = logged(killed, 'processed') + logged(survivor, 'processed')
  t.ok(doneWhenKilled < UPLOADS, `${doneWhenKilled} of ${UPLOADS} were done when it was killed`)
  await killed.ended
  t.notOk(isAlive(killed.pid))
  await Promise.all(lanes)

  let keys = await processedKeys(aws)
  const deadline = Date.now() + 60_000
  while (keys.length < UPLOADS && Date.now() < deadline) {
    await new Promise(resolve => setTimeout(resolve, 100))
    keys = await processedKeys(aws)
  }
  t.equal(keys.length, UPLOADS)
  for (const key of keys) {
    const { Body } = await aws.s3.send(new GetObjectCommand({ Bucket: names.processedBucket, Key: key }))
    t.equal(await Body?.transformToString(), `UPLOAD ${/(\d+)\.txt$/.exec(key)?.[1]}`)
  }
  await untilAllProcessed(t, `${url}/uploads`, headers, ids)
})

/** Waits for all records to be marked, because a record is marked a moment after its object is written. */
async function untilAllProcessed(t: Test, url: string, headers: Record<string, string>, ids: string[]) {
  const status = async (id: string) =>
    ((await (await fetch(`${url}/${id}`, { headers })).json()) as { status: string }).status
  const deadline = Date.now() + 10_000
  let left = ids
  while (left.length > 0 && Date.now() < deadline) {
    const statuses = await Promise.all(left.map(status))
    left = left.filter((_, i) => statuses[i] !== 'processed')
  }
  t.same(left, [], 'every record is processed')
}

t.test('on SIGTERM a worker drains, releases its leases, logs that, and exits with 0', async t => {
  const aws = await startAws(t)
  const program = startWorker(t, aws)
  await until(() => logged(program, 'lease acquired') === 4, { what: 'the leases' })
  program.child.kill('SIGTERM')
  t.same(await program.ended, { code: 0, signal: null })
  t.equal(program.stdout().split('"reason":"released"').length - 1, 4)
  t.match(program.stdout(), '"msg":"stopped"')
})

t.test('a worker serves its health, its shards and its metrics', async t => {
  const aws = await startAws(t)
  const program = startWorker(t, aws, { HEALTH_PORT: '0', HEALTH_HOST: '127.0.0.1' })
  await until(() => logged(program, 'lease acquired') === 4, { what: 'the leases' })
  const health = /"health":"(http:[^"]+)"/.exec(program.stdout())?.[1]
  const live = await fetch(`${health}/livez`)
  t.equal(live.status, 200)
  const ready = await fetch(`${health}/readyz`)
  t.equal(ready.status, 200)
  t.match(await ready.json(), { status: 'ok', shards: Array.from({ length: 4 }, () => ({ shardId: /^shardId-/ })) })
  const metrics = await fetch(`${health}/metrics`)
  t.equal(metrics.status, 200)
  t.match(await metrics.text(), /^headgate_leases_held 4$/m)
})
