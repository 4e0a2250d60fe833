import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { PutItemCommand } from '@aws-sdk/client-dynamodb'
import t, { type Test } from 'tap'
import { checks } from '../../../services/cli/doctor/checks/index.ts'
import { names } from '../../../services/platform/resources.ts'
import { startAws } from '../../support/aws.ts'
import { operation, startFaultProxy } from '../../support/fault-proxy.ts'
import { awsError } from '../../support/faults/aws-errors.ts'
import { answer, silence } from '../../support/faults/faults.ts'
import { runHeadgate } from '../program.ts'
import { examine, failures } from './doctor.ts'

const aws = await startAws(t, { shards: 1 })

t.test('every check has a unique id', async t => {
  t.equal(new Set(checks.map(({ id }) => id)).size, checks.length)
})

t.test('reports wrong names of resources by their variables', async t => {
  const env = {
    UPLOAD_BUCKET: 'no-uploads',
    PROCESSED_BUCKET: 'no-processed',
    STREAM_NAME: 'none',
    UPLOADS_TABLE: 'none',
  }
  const only = ['upload-bucket', 'processed-bucket', 'stream', 'put-record', 'uploads-table', 'write-records']
  const results = await examine(t, aws, { env, only })
  t.strictSame(failures(results), only.filter(id => id in results).sort(inOrder))
  const variables = Object.values(results).map(({ advice = '' }) => /^Set (\w+) to/.exec(advice)?.[1])
  t.strictSame(variables, [
    'UPLOAD_BUCKET',
    'UPLOADS_TABLE',
    'UPLOADS_TABLE',
    'STREAM_NAME',
    'STREAM_NAME',
    'PROCESSED_BUCKET',
  ])
})

const order = checks.map(({ id }) => id)
const inOrder = (a: string, b: string) => order.indexOf(a) - order.indexOf(b)

t.test('reports a table with the wrong keys', async t => {
  const results = await examine(t, aws, { env: { APPLICATION_NAME: 'headgate-uploads' }, only: ['lease-table'] })
  t.match(results['lease-table'], {
    status: 'failed',
    seen: 'headgate-uploads: its keys are owner, uploadId and should be leaseKey',
    advice: /Set APPLICATION_NAME to another table/,
  })
})

t.test('reports a wrong clock with the size and direction of its drift', async t => {
  const late = await examine(t, aws, { only: ['clock'], now: () => Date.now() - 600_000 })
  t.match(late.clock, {
    status: 'failed',
    seen: /^the clock is (5[89]|6[01])\d s behind http/,
    advice: /^Set the clock by NTP/,
  })
  const skewed = awsError('kinesis', {
    status: 400,
    code: 'InvalidSignatureException',
    message: 'Signature expired: now',
  })
  const proxy = await startFaultProxy(t, aws.endpoints.kinesis)
  proxy.inject(skewed)
  const { stream } = await examine(t, aws, { only: ['stream'], endpoints: { kinesis: proxy.url } })
  t.match(stream, { status: 'failed', advice: /^The clock of this machine is wrong/ })
})

t.test('an endpoint that does not respond fails its check in time, and delays no other check', async t => {
  const proxy = await startFaultProxy(t, aws.endpoints.kinesis)
  proxy.inject(silence, { when: operation('DescribeStreamSummary') })
  const settings = {
    endpoints: { kinesis: proxy.url },
    timeoutMs: 4_000,
    only: ['stream', 'put-record', 'upload-bucket'],
  }
  const results = await examine(t, aws, settings)
  t.strictSame(failures(results), ['stream'])
  t.match(results.stream, { seen: /no result within 4 s|AbortError/ })
  const nobody = await examine(t, aws, { endpoints: { s3: 'http://127.0.0.1:1' }, only: ['upload-bucket'] })
  t.match(nobody['upload-bucket'], {
    seen: /ECONNREFUSED/,
    advice: /^Nothing responds at the endpoint. Check AWS_REGION/,
  })
})

t.test('distinguishes a token that has expired, is not a JWT or was changed', async t => {
  const { idToken } = await aws.signIn()
  const look = (API_TOKEN: string, now = Date.now) => examine(t, aws, { env: { API_TOKEN }, only: ['token'], now })
  t.match((await look(idToken)).token, { status: 'ok' })
  t.match((await look(idToken, () => Date.now() + 2 * 3_600_000)).token, {
    seen: /^the token expired (5[89]|60) minutes ago/,
  })
  t.match((await look('opaque')).token, { seen: 'the token is not a JWT' })
  const [header, claims, signature = ''] = idToken.split('.')
  const changed = `${header}.${claims}.${signature[0] === 'A' ? 'B' : 'A'}${signature.slice(1)}`
  t.match((await look(changed)).token, { seen: "the token's signature is invalid" })
})

t.test('distinguishes a 401 of API Gateway from a 401 of the api, and recognizes a wrong API_URL', async t => {
  const proxy = await startFaultProxy(t, aws.endpoints.s3)
  const { idToken } = await aws.signIn()
  const env = { API_URL: proxy.url, API_TOKEN: idToken }
  const json = { 'content-type': 'application/json' }
  const refusing = proxy.inject(answer(401, json, '{"message":"Unauthorized"}'))
  const refused = await examine(t, aws, { env, only: ['api-without-token', 'api-with-token'] })
  refusing.remove()
  t.strictSame(failures(refused), ['api-with-token'])
  t.match(refused['api-without-token'], { seen: /responds with 401, from API Gateway$/ })
  t.match(refused['api-with-token'], {
    advice:
      /^The authorizer of API Gateway rejects the token\. .* the issuer http.*us-east-1_headgate, the audience headgate0local/,
  })
  proxy.inject(answer(404, json, '{"message":"Not Found"}'))
  const lost = await examine(t, aws, { env, only: ['api-without-token'] })
  t.match(lost['api-without-token'], {
    seen: /responds with 404/,
    advice: /^Set API_URL to the root of the api, with the stage/,
  })
})

t.test('recognizes a web page, an API Gateway and a REST API that respond at API_URL instead of the api', async t => {
  const proxy = await startFaultProxy(t, aws.endpoints.s3)
  const { idToken } = await aws.signIn()
  const env = { API_URL: proxy.url, API_TOKEN: idToken }
  const look = async (status: number, type: string, body: string) => {
    const rule = proxy.inject(answer(status, { 'content-type': type }, body))
    const found = await examine(t, aws, { env, only: ['api-without-token', 'api-with-token'] })
    rule.remove()
    return found
  }
  const elsewhere = /^Set API_URL to the root of the api, with the stage/
  const page = await look(200, 'text/html', '<html>')
  t.match(page['api-with-token'], { status: 'failed', advice: elsewhere })
  const stage = await look(403, 'application/json', '{"message":"Missing Authentication Token"}')
  t.match(stage['api-without-token'], { advice: elsewhere })
  t.match(stage['api-with-token'], { seen: /from API Gateway: Missing Authentication Token$/, advice: elsewhere })
  const problem = '{"type":"urn:headgate:problem:invalid-token","title":"The token is not valid","status":401}'
  const rest = await look(401, 'application/problem+json', problem)
  t.match(rest['api-with-token'], { advice: /^The authorizer of API Gateway rejects the token/ })
})

t.test('reports an endpoint that is invalid, or belongs to another service', async t => {
  const other = await examine(t, aws, { endpoints: { kinesis: aws.endpoints.s3 }, only: ['stream', 'put-record'] })
  t.strictSame(failures(other), ['stream', 'put-record'])
  t.match(other.stream, { seen: /failed with HTTP \d+$/, advice: /^The endpoint is not that AWS service/ })
  const none = await examine(t, aws, { endpoints: { kinesis: 'localhost:4567' }, only: ['stream'] })
  t.match(none.stream, { advice: /Set the AWS_ENDPOINT_URL_… variables to http:\/\/ or https:\/\/ URLs/ })
})

t.test('suggests that a bucket may belong to another account, and that a table is not a lease table', async t => {
  const proxy = await startFaultProxy(t, aws.endpoints.s3)
  proxy.inject(answer(403, {}, ''))
  const { 'upload-bucket': bucket } = await examine(t, aws, { endpoints: { s3: proxy.url }, only: ['upload-bucket'] })
  t.match(bucket, { seen: /failed with HTTP 403$/, advice: /The bucket may also belong to another account/ })
  const record = { owner: { S: 'somebody' }, uploadId: { S: '1' } }
  await aws.dynamodb.send(new PutItemCommand({ TableName: names.uploadsTable, Item: record }))
  const { leases } = await examine(t, aws, { env: { APPLICATION_NAME: names.uploadsTable }, only: ['leases'] })
  t.match(leases, {
    status: 'failed',
    advice: /^The table is not a lease table .* Set APPLICATION_NAME to the name/,
  })
})

t.test('reads the event source mapping of a Lambda function by a signed request', async t => {
  const stream = 'arn:aws:kinesis:us-east-1:111122223333:stream/uploads-stream'
  const good = {
    UUID: 'a1',
    EventSourceArn: stream,
    State: 'Enabled',
    LastProcessingResult: 'OK',
    FunctionResponseTypes: ['ReportBatchItemFailures'],
  }
  const seen: IncomingMessage[] = []
  let mappings: object[] = []
  const url = await serve(t, request => {
    seen.push(request)
    return { EventSourceMappings: mappings }
  })
  const look = async (found: object[]) => {
    mappings = found
    const env = { PROCESSOR_FUNCTION: 'headgate-processor', AWS_ENDPOINT_URL_LAMBDA: url }
    const results = await examine(t, aws, { env, only: ['mapping', 'leases', 'lease-table'] })
    t.match([results.leases?.status, results['lease-table']?.status], ['skipped', 'skipped'])
    return results.mapping
  }
  t.match(await look([good]), { status: 'ok', seen: 'the mapping is Enabled, with the last result: OK' })
  t.match(seen[0], {
    url: '/2015-03-31/event-source-mappings/?FunctionName=headgate-processor',
    headers: { authorization: /^AWS4-HMAC-SHA256 Credential=.*\/us-east-1\/lambda\/aws4_request/ },
  })
  t.match(await look([{ ...good, State: 'Disabled' }]), { advice: /--uuid a1 --enabled$/ })
  t.match(await look([{ ...good, LastProcessingResult: 'PROBLEM: Function call failed' }]), {
    advice: /^See the log of headgate-processor/,
  })
  t.match(await look([{ ...good, FunctionResponseTypes: [] }]), { seen: /failures count as successes/ })
  t.match(await look([]), {
    seen: /has no event source mapping of the stream/,
    advice: /--starting-position TRIM_HORIZON/,
  })
})

t.test('names all checks for an unknown one, and every missing variable', async t => {
  const unknown = await runHeadgate(t, aws.env, 'doctor', '--only', 'everything')
  t.equal(unknown.code, 2)
  t.match(unknown.stderr, /^There is no check 'everything'\. The checks are: clock, token-issuer, /)
  const none = await runHeadgate(t, { AWS_REGION: 'us-east-1' }, 'doctor')
  t.equal(none.code, 1)
  for (const name of ['UPLOAD_BUCKET', 'PROCESSED_BUCKET', 'COGNITO_USER_POOL_ID'])
    t.match(none.stderr, `${name}: is required`)
})

/** Starts a server that answers every request with JSON, for as long as the test. */
async function serve(t: Pick<Test, 'teardown'>, reply: (request: IncomingMessage) => object): Promise<string> {
  const server = createServer((request, response) => {
    response.setHeader('content-type', 'application/json').end(JSON.stringify(reply(request)))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(async () => {
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
