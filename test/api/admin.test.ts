import t from 'tap'
import { createMetrics } from '../../services/api/admin/metrics.ts'
import { adminPages } from '../../services/api/admin/pages.ts'
import { stopPhases } from '../../services/api/http/stop-in-phases.ts'
import { openOperatorPort } from '../../services/platform/operator-port.ts'
import { startAws } from '../support/aws.ts'
import { ask, buildTestApi, createTestUser, eventually, postJson } from './support.ts'

const aws = await startAws(t)

async function start() {
  const metrics = createMetrics()
  const api = await buildTestApi(t, aws, { metrics })
  const errors: unknown[] = []
  const { readiness, isStopping } = api.app
  const log = { error: (details: object) => errors.push(details) }
  const pages = adminPages({ metrics, readiness, isStopping })
  const admin = await openOperatorPort({ host: '127.0.0.1', port: 0, pages, log })
  t.teardown(() => admin.close())
  const scrape = async () => (await fetch(`${admin.url}/metrics`)).text()
  return { api, admin, scrape, errors }
}

t.test('/metrics counts requests by route and uploads by upload method', async t => {
  const { api, admin, scrape } = await start()
  const user = await createTestUser(aws)
  await postJson(api, user, { content: 'hello' })
  await postJson(api, user, '{')
  await fetch(`${api.url}/uploads?filename=a`, { method: 'POST', headers: user.auth, body: 'bytes' })
  for (const path of ['/wp-login.php', '/.env', '/uploads/a', '/uploads/b']) await fetch(`${api.url}${path}`)
  await eventually(async () =>
    /requests_total\{method="GET",route="\/uploads\/:id",status="401"\} 2/.test(await scrape()),
  )
  const text = await scrape()
  const lines = [
    'headgate_http_requests_total{method="POST",route="/uploads",status="200"} 2',
    'headgate_http_requests_total{method="POST",route="/uploads",status="400"} 1',
    'headgate_http_requests_total{method="GET",route="none",status="404"} 2',
    'headgate_http_request_duration_seconds_count{method="POST",route="/uploads"} 3',
    'headgate_http_requests_under_way 0',
    'headgate_uploads_total{way="json",result="queued"} 1',
    'headgate_uploads_total{way="raw",result="queued"} 1',
    'headgate_upload_bytes_total{way="json"} 5',
  ]
  for (const line of lines) t.ok(text.includes(`${line}\n`), line)
  for (const name of ['nodejs_eventloop_lag_seconds', 'process_cpu_seconds_total', 'process_resident_memory_bytes'])
    t.match(text, name)
  t.notMatch(text, /wp-login|\.env|filename|\/uploads\/a/, 'nothing that a client makes up is a label')
  t.notOk(text.includes(user.sub))
  t.match((await fetch(`${admin.url}/metrics`)).headers.get('content-type'), /^text\/plain; version=0\.0\.4/)
})

t.test('/metrics counts a grant or tus upload once, however often it is completed', async t => {
  const { api, scrape } = await start()
  const user = await createTestUser(aws)
  const headers = { ...user.auth, 'tus-resumable': '1.0.0', 'upload-length': '3' }
  const type = { 'content-type': 'application/offset+octet-stream' }
  const created = await fetch(`${api.url}/uploads/tus`, {
    method: 'POST',
    headers: { ...headers, ...type },
    body: 'tus',
  })
  t.equal(created.status, 201)
  await fetch(`${api.url}${created.headers.get('location')}`, { method: 'HEAD', headers })
  const wanted = JSON.stringify({ filename: 'a.txt', contentType: 'text/plain', size: 5 })
  const json = { ...user.auth, 'content-type': 'application/json' }
  const { body } = await ask(`${api.url}/uploads/grants`, { method: 'POST', headers: json, body: wanted })
  const put = body.put as { url: string; headers: Record<string, string> }
  await fetch(put.url, { method: 'PUT', headers: put.headers, body: 'grant' })
  for (let count = 0; count < 2; count++)
    await ask(`${api.url}${body.complete}`, { method: 'POST', headers: user.auth })
  const text = await scrape()
  for (const line of [
    'headgate_uploads_total{way="tus",result="queued"} 1',
    'headgate_uploads_total{way="grant",result="queued"} 1',
    'headgate_upload_bytes_total{way="tus"} 3',
    'headgate_upload_bytes_total{way="grant"} 5',
  ])
    t.ok(text.includes(`${line}\n`), line)
})

t.test('/metrics counts stored uploads and aborted requests', async t => {
  const metrics = createMetrics()
  const api = await buildTestApi(t, aws, {
    metrics,
    endpoints: { kinesis: 'http://127.0.0.1:1' },
    env: { EVENT_PUT_TIMEOUT_MS: '100' },
  })
  const user = await createTestUser(aws)
  t.equal((await postJson(api, user, { content: 'x' })).status, 202)
  const gone = new AbortController()
  const body = new ReadableStream({ start: controller => controller.enqueue(Buffer.from('x')) })
  const sent = fetch(`${api.url}/uploads?filename=a`, {
    method: 'POST',
    headers: user.auth,
    body,
    duplex: 'half',
    signal: gone.signal,
  } as RequestInit)
  await eventually(async () => /requests_under_way 1/.test(await metrics.text()))
  gone.abort()
  await t.rejects(sent)
  await eventually(async () => /status="broken-off"\} 1/.test(await metrics.text()))
  t.match(await metrics.text(), 'headgate_uploads_total{way="json",result="stored"} 1')
})

t.test('the admin port serves health and metrics, and nothing else', async t => {
  const { api, admin, errors } = await start()
  t.match(await ask(`${admin.url}/livez`), { status: 200, body: { status: 'ok' } })
  t.match(await ask(`${admin.url}/readyz?x=y`), { status: 200, body: { status: 'ready', checks: { bucket: 'ok' } } })
  t.equal((await ask(`${admin.url}/uploads`)).status, 404)
  t.equal((await ask(`${admin.url}/livez`, { method: 'POST' })).status, 405)
  t.equal((await fetch(`${api.url}/metrics`)).status, 404, 'and the other port not of metrics')
  api.app.announceStop()
  t.match(await ask(`${admin.url}/readyz`), { status: 503, body: { status: 'stopping' } })
  const answer = await ask(`${api.url}/readyz`)
  t.equal(answer.status, 503)
  t.equal(answer.headers.get('connection'), 'close', 'and connections end with their answers')
  t.equal((await fetch(`${api.url}/livez`)).status, 200, 'while requests are served still')
  t.same(errors, [])
})

t.test('a stop divides its time into phases', async t => {
  t.same(stopPhases({ SHUTDOWN_TIMEOUT_MS: 25_000, SHUTDOWN_DELAY_MS: 0 }), { delayMs: 0, drainMs: 20_000 })
  t.same(stopPhases({ SHUTDOWN_TIMEOUT_MS: 25_000, SHUTDOWN_DELAY_MS: 5_000 }), { delayMs: 5_000, drainMs: 15_000 })
  t.same(stopPhases({ SHUTDOWN_TIMEOUT_MS: 1_000, SHUTDOWN_DELAY_MS: 60_000 }), { delayMs: 500, drainMs: 250 })
})
