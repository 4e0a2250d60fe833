import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import t from 'tap'
import { createReadiness } from '../../services/api/readiness.ts'
import { createLocalClients } from '../../services/local/clients.ts'
import { startAws } from '../support/aws.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { ask, buildTestApi, isProblem } from './support.ts'

const aws = await startAws(t)

/** Starts a server that accepts connections and never responds. */
async function silentEndpoint(): Promise<string> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  server.unref()
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const dead = 'http://127.0.0.1:1'

t.test('/livez responds without a token', async t => {
  const api = await buildTestApi(t, aws, { endpoints: { s3: dead, dynamodb: dead, kinesis: dead } })
  t.match(await ask(`${api.url}/livez`), { status: 200, body: { status: 'ok' } })
})

t.test('/readyz is ready if the bucket, the table and the stream respond', async t => {
  const api = await buildTestApi(t, aws)
  const answer = await ask(`${api.url}/readyz`)
  t.equal(answer.status, 200)
  t.same(answer.body, { status: 'ready', checks: { bucket: 'ok', table: 'ok', stream: 'ok' } })
})

t.test('/readyz is not ready if the bucket or the table is missing or does not respond', async t => {
  const silent = await silentEndpoint()
  const cases: Array<[Parameters<typeof buildTestApi>[2], RegExp]> = [
    [{ endpoints: { s3: dead } }, /bucket/],
    [{ endpoints: { dynamodb: dead } }, /table/],
    [{ endpoints: { s3: silent, dynamodb: silent } }, /bucket, table/],
    [{ env: { UPLOAD_BUCKET: 'no-such-bucket' } }, /bucket/],
    [{ env: { UPLOADS_TABLE: 'no-such-table' } }, /table/],
  ]
  for (const [overrides, what] of cases) {
    const api = await buildTestApi(t, aws, overrides)
    const answer = await ask(`${api.url}/readyz`)
    isProblem(t, answer, 503, 'not-ready', JSON.stringify(overrides))
    t.match(answer.body.detail, what)
    t.match(answer.headers.get('retry-after'), /^\d+$/)
  }
})

t.test('/readyz stays ready without the stream, because uploads are still accepted', async t => {
  const api = await buildTestApi(t, aws, { endpoints: { kinesis: dead } })
  t.match(await ask(`${api.url}/readyz`), { status: 200, body: { checks: { bucket: 'ok', stream: 'unreachable' } } })
})

t.test('probes within a few seconds share one check', async t => {
  const clock = new FakeClock()
  const clients = createLocalClients({ s3: dead, dynamodb: dead, kinesis: dead })
  t.teardown(() => clients.destroy())
  const failures: unknown[] = []
  const readiness = createReadiness({
    ...clients,
    bucket: 'bucket',
    table: 'table',
    stream: 'stream',
    cacheMs: 3_000,
    now: clock.now,
    log: { warn: details => failures.push(details) },
  })
  const [first] = await Promise.all([readiness(), readiness(), readiness()])
  t.equal(first?.ready, false)
  t.equal(failures.length, 3)
  clock.advance(10_000)
  await readiness()
  t.equal(failures.length, 6)
})
