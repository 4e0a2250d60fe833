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

t.test('every check has an id of its own', async t => {
  t.equal(new Set(checks.map(({ id }) => id)).size, checks.length)
})

t.test('names that are wrong are told by their variable', async t => {
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

t.test('a table of other keys, and one whose index is missing, are told by their keys', async t => {
  const results = await examine(t, aws, { env: { APPLICATION_NAME: 'headgate-uploads' }, only: ['lease-table'] })
  t.match(results['lease-table'], {
    status: 'failed',
    seen: 'headgate-uploads: its keys are owner, uploadId and should be leaseKey',
    advice: /set APPLICATION_NAME to another table/,
  })
})

t.test('a clock that is wrong is told with how far and which way', async t => {
  const late = await examine(t, aws, { only: ['clock'], now: () => Date.now() - 600_000 })
  t.match(late.clock, { status: 'failed', seen: /^it is (5[89]|6[01])\d s behind http/, advice: /^Set it by NTP/ })
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

t.test('what does not answer is a finding within the bound, and holds nothing else up', async t => {
  const proxy = await startFaultProxy(t, aws.endpoints.kinesis)
  proxy.inject(silence, { when: operation('DescribeStreamSummary') })
  const settings = {
    endpoints: { kinesis: proxy.url },
    timeoutMs: 4_000,
    only: ['stream', 'put-record', 'upload-bucket'],
  }
  const results = await examine(t, aws, settings)
  t.strictSame(failures(results), ['stream'])
  t.match(results.stream, { seen: /not known within 4 s|AbortError/ })
  const nobody = await examine(t, aws, { endpoints: { s3: 'http://127.0.0.1:1' }, only: ['upload-bucket'] })
  t.match(nobody['upload-bucket'], {
    seen: /ECONNREFUSED/,
    advice: /^Nothing answers at the endpoint: check AWS_REGION/,
  })
})

t.test('a token that has expired, is no JWT or was changed is told apart', async t => {
  const { idToken } = await aws.signIn()
  const look = (API_TOKEN: string, now = Date.now) => examine(t, aws, { env: { API_TOKEN }, only: ['token'], now })
  t.match((await look(idToken)).token, { status: 'ok' })
  t.match((await look(idToken, () => Date.now() + 2 * 3_600_000)).token, {
    seen: /^it has expired, (5[89]|60) minutes ago/,
  })
  t.match((await look('opaque')).token, { seen: 'it is no JWT' })
  const [header, claims, signature = ''] = idToken.split('.')
  const changed = `${header}.${claims}.${signature[0] === 'A' ? 'B' : 'A'}${signature.slice(1)}`
  t.match((await look(changed)).token, { seen: 'its signature is wrong' })
})

t.test("API Gateway's refusal is told from the api's own, and a wrong address by its status", async t => {
  const proxy = await startFaultProxy(t, aws.endpoints.s3)
  const { idToken } = await aws.signIn()
  const env = { API_URL: proxy.url, API_TOKEN: idToken }
  const json = { 'content-type': 'application/json' }
  const refusing = proxy.inject(answer(401, json, '{"message":"Unauthorized"}'))
  const refused = await examine(t, aws, { env, only: ['api-without-token', 'api-with-token'] })
  refusing.remove()
  t.strictSame(failures(refused), ['api-with-token'])
  t.match(refused['api-without-token'], { seen: /answers 401, from API Gateway$/ })
  t.match(refused['api-with-token'], {
    advice:
      /^The authorizer of API Gateway refuses it: its issuer must be http.*us-east-1_headgate and its audience headgate0local/,
  })
  proxy.inject(answer(404, json, '{"message":"Not Found"}'))
  const lost = await examine(t, aws, { env, only: ['api-without-token'] })
  t.match(lost['api-without-token'], {
    seen: /answers 404/,
    advice: /^Set API_URL to the root of the api, with the stage/,
  })
})

t.test('what answers at the address of the api and is not the api is told apart, by what it says', async t => {
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
  t.match(rest['api-with-token'], { advice: /^The authorizer of API Gateway refuses it/ })
})

t.test('an endpoint that is none, or of another service, is told as such', async t => {
  const other = await examine(t, aws, { endpoints: { kinesis: aws.endpoints.s3 }, only: ['stream', 'put-record'] })
  t.strictSame(failures(other), ['stream', 'put-record'])
  t.match(other.stream, { seen: /failed with HTTP \d+$/, advice: /^What is asked is not that service of AWS/ })
  const none = await examine(t, aws, { endpoints: { kinesis: 'localhost:4567' }, only: ['stream'] })
  t.match(none.stream, { advice: /set the AWS_ENDPOINT_URL_… variables to http:\/\/ or https:\/\/ addresses/ })
})

t.test('a bucket of another account, and a table that is of no consumer, are told as what they may be', async t => {
  const proxy = await startFaultProxy(t, aws.endpoints.s3)
  proxy.inject(answer(403, {}, ''))
  const { 'upload-bucket': bucket } = await examine(t, aws, { endpoints: { s3: proxy.url }, only: ['upload-bucket'] })
  t.match(bucket, { seen: /failed with HTTP 403$/, advice: /Is the bucket that of another account\?/ })
  const record = { owner: { S: 'somebody' }, uploadId: { S: '1' } }
  await aws.dynamodb.send(new PutItemCommand({ TableName: names.uploadsTable, Item: record }))
  const { leases } = await examine(t, aws, { env: { APPLICATION_NAME: names.uploadsTable }, only: ['leases'] })
  t.match(leases, {
    status: 'failed',
    advice: /^It is not the table of a consumer .* set APPLICATION_NAME to the name/,
  })
})

t.test('the mapping of a Lambda function is read as Lambda gives it out, by a signed request', async t => {
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
  t.match(await look([good]), { status: 'ok', seen: 'the mapping is Enabled, and came last to: OK' })
  t.match(seen[0], {
    url: '/2015-03-31/event-source-mappings/?FunctionName=headgate-processor',
    headers: { authorization: /^AWS4-HMAC-SHA256 Credential=.*\/us-east-1\/lambda\/aws4_request/ },
  })
  t.match(await look([{ ...good, State: 'Disabled' }]), { advice: /--uuid a1 --enabled$/ })
  t.match(await look([{ ...good, LastProcessingResult: 'PROBLEM: Function call failed' }]), {
    advice: /^See the log of headgate-processor/,
  })
  t.match(await look([{ ...good, FunctionResponseTypes: [] }]), { seen: /a failure is taken as success/ })
  t.match(await look([]), { seen: /has no mapping of the stream/, advice: /--starting-position TRIM_HORIZON/ })
})

t.test('the command names the checks that there are, and every variable that it lacks', async t => {
  const unknown = await runHeadgate(t, aws.env, 'doctor', '--only', 'everything')
  t.equal(unknown.code, 2)
  t.match(unknown.stderr, /^There is no check 'everything'\. There is: clock, token-issuer, /)
  const none = await runHeadgate(t, { AWS_REGION: 'us-east-1' }, 'doctor')
  t.equal(none.code, 1)
  for (const name of ['UPLOAD_BUCKET', 'PROCESSED_BUCKET', 'COGNITO_USER_POOL_ID'])
    t.match(none.stderr, `${name}: is required`)
})

/** A server that answers everything with JSON, as long as the test. */
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
