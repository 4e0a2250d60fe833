import t from 'tap'
import { KinesisConsumer } from '../../../services/consumer/index.ts'
import { names } from '../../../services/platform/resources.ts'
import { buildTestApi } from '../../api/support.ts'
import { startAws } from '../../support/aws.ts'
import { operation, startFaultProxy, to } from '../../support/fault-proxy.ts'
import { awsError } from '../../support/faults/aws-errors.ts'
import { runHeadgate } from '../program.ts'
import { examine, failures } from './doctor.ts'

const aws = await startAws(t, { shards: 2 })
const { idToken } = await aws.signIn()
const api = await buildTestApi(t, aws)
const api_ = { API_URL: api.url, API_TOKEN: idToken }
const consumer = new KinesisConsumer({
  applicationName: names.application,
  streamName: names.stream,
  workerId: 'worker-1',
  failoverMs: 1_000,
  kinesis: aws.kinesis,
  dynamodb: aws.dynamodb,
  handler: async () => undefined,
})
t.teardown(() => consumer.stop())
await consumer.start()

t.test('all checks of a healthy pipeline are ok', async t => {
  const healthy = await runHeadgate(t, { ...aws.env, ...api_ }, 'doctor', '--json')
  t.equal(healthy.code, 0, healthy.stdout + healthy.stderr)
  const results = healthy.lines()
  t.strictSame(
    results.filter(({ status }) => status !== 'ok').map(({ id, status }) => ({ id, status })),
    [{ id: 'mapping', status: 'skipped' }],
  )
  for (const { title, seen } of results) t.ok(title && seen)
})

t.test('401 with a token: reports the client of the token, who rejects the token, and what to set', async t => {
  const configured = { COGNITO_CLIENT_ID: 'another0client000000000001' }
  const other = await buildTestApi(t, aws, { env: configured })
  const env = { API_URL: other.url, API_TOKEN: idToken, ...configured }
  const run = await runHeadgate(t, { ...aws.env, ...env }, 'doctor', '--only', 'token', '--only', 'api-with-token')
  t.equal(run.code, 1, run.stderr)
  t.match(
    run.stdout,
    /FAILED {2}token .*\n.*the token is for the app client headgate0local0client00001 \(aud\), but COGNITO_CLIENT_ID is another0client/,
  )
  t.match(
    run.stdout,
    /Sign in with the client id of COGNITO_CLIENT_ID\. Or set COGNITO_CLIENT_ID of the api, and the audience of the authorizer/,
  )
  t.match(run.stdout, /FAILED {2}api-with-token .*\n.*responds with 401, from the api: The token is for another client/)
  t.match(run.stderr, /0 ok, 2 failed/)

  const pool = { COGNITO_USER_POOL_ID: 'us-east-1_other', COGNITO_ISSUER: `${aws.endpoints.cognito}/us-east-1_other` }
  const results = await examine(t, aws, { env: { ...api_, ...pool }, only: ['token-issuer', 'token'] })
  t.strictSame(failures(results), ['token-issuer', 'token'])
  t.match(results['token-issuer'], { seen: /and no key: every token is rejected/, advice: /Set COGNITO_ISSUER/ })
  t.match(results.token, {
    seen: /issuer \(iss\) is .*us-east-1_headgate, but the configured issuer is .*us-east-1_other/,
  })
})

t.test('PutRecords denied: names the action and the stream for the policy', async t => {
  const proxy = await startFaultProxy(t, aws.endpoints.kinesis)
  const message = 'User: arn:aws:sts::111122223333:assumed-role/api is not authorized to perform: kinesis:PutRecords'
  proxy.inject(awsError('kinesis', { status: 400, code: 'AccessDeniedException', message }), {
    when: operation('PutRecords'),
  })
  const results = await examine(t, aws, { endpoints: { kinesis: proxy.url }, only: ['put-record', 'stream'] })
  t.strictSame(failures(results), ['put-record'])
  t.match(results['put-record'], {
    seen: `kinesis:PutRecords on arn:aws:kinesis:us-east-1:*:stream/uploads-stream failed with AccessDeniedException: ${message}`,
    advice:
      /^Allow kinesis:PutRecords on arn:aws:kinesis:us-east-1:\*:stream\/uploads-stream in the policy of the role/,
  })
})

t.test('S3 AccessDenied: distinguishes reading from writing, and uploads from processed objects', async t => {
  const proxy = await startFaultProxy(t, aws.endpoints.s3)
  const denied = awsError('s3', { status: 403, code: 'AccessDenied', message: 'Access Denied' })
  const endpoints = { s3: proxy.url }
  const only = ['upload-bucket', 'write-uploads', 'read-uploads', 'processed-bucket', 'write-processed']

  const writing = proxy.inject(denied, { when: to('POST', /^\/headgate-uploads\//) })
  const unwritten = await examine(t, aws, { endpoints, only })
  writing.remove()
  t.strictSame(failures(unwritten), ['write-uploads'])
  t.match(unwritten['write-uploads'], {
    seen: /^s3:PutObject on .* failed with AccessDenied/,
    advice:
      /^Allow s3:PutObject on arn:aws:s3:::headgate-uploads\/uploads\/\* in the policy.*the policy of the resource, its KMS key/,
  })

  const reading = proxy.inject(denied, { when: to('GET', /^\/headgate-uploads\//) })
  const unread = await examine(t, aws, { endpoints, only })
  reading.remove()
  t.strictSame(failures(unread), ['read-uploads'])
  t.match(unread['read-uploads'], { advice: /^Allow s3:GetObject on arn:aws:s3:::headgate-uploads\/uploads\/\*/ })

  proxy.inject(denied, { when: to('POST', /^\/headgate-processed\//) })
  t.strictSame(failures(await examine(t, aws, { endpoints, only })), ['write-processed'])
})

t.test('the processor is not triggered: reports that no worker renews the leases', async t => {
  await consumer.stop()
  const results = await examine(t, aws, {
    env: { FAILOVER_TIME_MS: '1000' },
    only: ['stream', 'lease-table', 'leases'],
  })
  t.strictSame(failures(results), ['leases'])
  t.match(results.leases, {
    seen: /^of 2 leases, 2 have no owner and 0 were not renewed: shardId-0+0, shardId-0+1$/,
    advice: /^No worker runs, or too few do\. Check the tasks/,
  })
  const elsewhere = await examine(t, aws, { env: { APPLICATION_NAME: 'another' }, only: ['lease-table', 'leases'] })
  t.match(elsewhere.leases, {
    status: 'failed',
    seen: /The lease table 'another' does not exist/,
    advice: /^Set APPLICATION_NAME/,
  })
})
