import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { PutObjectCommand } from '@aws-sdk/client-s3'
import t, { type Test } from 'tap'
import { type DemoSettings, demoFile, runDemo } from '../../services/local/pipeline/demo.ts'
import { startAws, type TestAws } from '../support/aws.ts'

type Answer = { status?: number; body: unknown }

/**
 * Starts a fake of a broken api. The real api cannot be made to respond like this; the other tests use the real one.
 */
async function brokenApi(t: Test, answer: (request: IncomingMessage) => Answer): Promise<string> {
  const server = createServer((request, response) => {
    const { status = 200, body } = answer(request)
    response.writeHead(status).end(typeof body === 'string' ? body : JSON.stringify(body))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const object = { bucket: 'headgate-processed', key: 'processed/demo.txt' }
const accepted = { uploadId: 'u', s3: { bucket: 'headgate-uploads', key: 'uploads/demo.txt' } }

function demo(t: Test, aws: TestAws, apiUrl: string, timeoutMs = 10_000, more: Partial<DemoSettings> = {}) {
  const steps: string[] = []
  const bound = new AbortController()
  const timer = setTimeout(() => bound.abort(new Error('the time is up.')), timeoutMs)
  t.teardown(() => clearTimeout(timer))
  const result = runDemo({
    apiUrl,
    cognitoUrl: aws.endpoints.cognito,
    clientId: aws.env.COGNITO_CLIENT_ID ?? '',
    user: aws.user,
    s3: aws.s3,
    expected: demoFile.processed,
    signal: bound.signal,
    onStep: step => steps.push(step),
    ...more,
  })
  return { result, steps }
}

const byRoute = (upload: Answer, status: Answer) => (request: IncomingMessage) => {
  if (request.url === '/readyz') return { body: 'ok' }
  return request.method === 'POST' ? upload : status
}

t.test('the demo', async t => {
  const aws = await startAws(t)
  await aws.s3.send(new PutObjectCommand({ Bucket: object.bucket, Key: object.key, Body: 'hello kinesis' }))

  t.test('fails if the api never listens, with the last error', async t => {
    const apiUrl = 'http://127.0.0.1:1'
    const { result, steps } = demo(t, aws, apiUrl, 200)
    await t.rejects(result, { message: /^The api did not become ready: the time is up\. fetch failed: / })
    t.strictSame(steps, [])
  })

  t.test('fails if the api is never ready, with its last response', async t => {
    const apiUrl = await brokenApi(t, () => ({ status: 503, body: 'no stream' }))
    const { result } = demo(t, aws, apiUrl, 200)
    await t.rejects(result, { message: /GET \/readyz responded with 503: no stream$/ })
  })

  t.test('fails if the upload is rejected, with the response', async t => {
    const apiUrl = await brokenApi(t, byRoute({ status: 401, body: 'who are you' }, { body: {} }))
    const { result, steps } = demo(t, aws, apiUrl)
    await t.rejects(result, { code: 'HEADGATE_DEMO', message: 'POST /uploads responded with 401: who are you' })
    t.strictSame(steps, ['api', 'sign in'])
  })

  t.test('fails if a response does not match its schema', async t => {
    const noJson = demo(t, aws, await brokenApi(t, byRoute({ body: '<html>' }, { body: {} })))
    await t.rejects(noJson.result, { message: /POST \/uploads responded with 200 and a body that is not JSON: <html>/ })
    const noId = demo(t, aws, await brokenApi(t, byRoute({ body: { message: 'ok' } }, { body: {} })))
    await t.rejects(noId.result, { message: 'The response of the api does not match its schema: {"message":"ok"}' })
  })

  t.test('fails if the upload fails, with the reason of its record', async t => {
    const failure = { code: 'HEADGATE_X', reason: 'because' }
    const apiUrl = await brokenApi(t, byRoute({ body: accepted }, { body: { status: 'failed', failure } }))
    await t.rejects(demo(t, aws, apiUrl).result, { message: 'The upload failed: HEADGATE_X: because' })
  })

  t.test('fails if the upload is not processed in time, with its last status', async t => {
    const apiUrl = await brokenApi(t, byRoute({ body: accepted }, { body: { status: 'queued' } }))
    const { result, steps } = demo(t, aws, apiUrl, 3_000)
    await t.rejects(result, { message: 'The upload is still "queued", not processed: the time is up.' })
    t.strictSame(steps, ['api', 'sign in', 'upload'])
  })

  t.test('fails if the processed object has other contents', async t => {
    const apiUrl = await brokenApi(t, byRoute({ body: accepted }, { body: { status: 'processed', processed: object } }))
    await t.rejects(demo(t, aws, apiUrl).result, {
      message: 'The processed object holds "hello kinesis", not "HELLO KINESIS".',
    })
  })

  t.test('accepts any contents if a custom transform may have processed the file', async t => {
    const apiUrl = await brokenApi(t, byRoute({ body: accepted }, { body: { status: 'processed', processed: object } }))
    t.match(await demo(t, aws, apiUrl, 10_000, { expected: undefined }).result, {
      text: 'hello kinesis',
      uploadId: 'u',
    })
  })

  t.test('fails if the main output is not in S3', async t => {
    const apiUrl = await brokenApi(t, byRoute({ body: accepted }, { body: { status: 'processed' } }))
    await t.rejects(demo(t, aws, apiUrl).result, { message: 'It was processed, but its main output is not in S3.' })
  })

  t.test('fails as soon as the upload is known to keep failing', async t => {
    const apiUrl = await brokenApi(t, byRoute({ body: accepted }, { body: { status: 'processing' } }))
    const isRetried = (uploadId: string) => uploadId === accepted.uploadId
    await t.rejects(demo(t, aws, apiUrl, 60_000, { isRetried }).result, {
      message: 'The upload keeps failing and will be retried.',
    })
  })

  t.test('fails if the password is wrong', async t => {
    const apiUrl = await brokenApi(t, () => ({ body: 'ok' }))
    const wrong = { ...aws, user: { ...aws.user, password: 'Wrong-password-1' } }
    await t.rejects(demo(t, wrong, apiUrl).result, { message: /^InitiateAuth: NotAuthorizedException/ })
  })
})
