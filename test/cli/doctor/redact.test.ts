import t from 'tap'
import { doctorConfigSchema } from '../../../services/cli/doctor/config.ts'
import { withoutSecrets } from '../../../services/cli/doctor/deep/redact.ts'
import { formatReport } from '../../../services/cli/doctor/deep/report.ts'
import { loadConfig } from '../../../services/platform/config/load.ts'
import { runHeadgate } from '../program.ts'

const env = {
  AWS_REGION: 'us-east-1',
  UPLOAD_BUCKET: 'acme-uploads',
  PROCESSED_BUCKET: 'acme-processed',
  STREAM_NAME: 'acme-stream',
  UPLOADS_TABLE: 'acme-table',
  COGNITO_USER_POOL_ID: 'us-east-1_AcmePool1',
  COGNITO_CLIENT_ID: 'acme0client000000000000001',
  API_URL: 'https://abcde12345.execute-api.us-east-1.amazonaws.com/api',
}
const config = loadConfig(doctorConfigSchema, env)

const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')
const claims = {
  iss: 'https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_OtherPool',
  aud: 'other0client00000000000001',
  'cognito:username': 'typed-user',
}
const token = `${encode({ alg: 'RS256' })}.${encode(claims)}.c2lnbmF0dXJlLXRoYXQtaXMtbG9uZw`
const clean = (text: string) => withoutSecrets(text, config, token)

t.test('redacts tokens, also if they are truncated or contain whitespace', async t => {
  t.equal(clean(`Bearer ${token}`), 'Bearer (token)')
  t.equal(clean('another eyJhbGciOiJub25lIn0.eyJzdWIiOiIyIn0.'), 'another (token)')
  t.equal(clean('cut: eyJhbGciOiJub25lIn0.eyJzdW'), 'cut: (token)')
  t.equal(clean('cut: eyJhbGciOiJub25lIn0'), 'cut: (token)')
  const wrapped = `${token.slice(0, 40)}\n${token.slice(40, 90)} ${token.slice(90)}`
  t.equal(clean(`"Bearer ${wrapped}" is invalid`), '"Bearer (token)" is invalid')
  t.equal(clean(`the signature ${token.split('.')[2]}`), 'the signature (token)')
  const password = loadConfig(doctorConfigSchema, { ...env, HEADGATE_PASSWORD: 'Secret-word-1' })
  t.equal(withoutSecrets('sent Secret-\nword-1.', password, token), 'sent (HEADGATE_PASSWORD).')
})

t.test('redacts the session token in an ExpiredToken error of S3', async t => {
  const body = '<Code>ExpiredToken</Code><Token-0>IQoJb3JpZ2luX2VjE+/==</Token-0>'
  t.equal(clean(body), '<Code>ExpiredToken</Code><Token-0>(session token)</Token-0>')
  t.equal(clean('<Token-0>FwoGZXIvYXdzE'), '<Token-0>(session token)', 'where the body is cut')
})

t.test('redacts accounts and the names of resources in ARNs', async t => {
  const cases = {
    'User: arn:aws:sts::123456789012:assumed-role/api/x is not authorized':
      'User: arn:aws:sts::(account):assumed-role/(name) is not authorized',
    'arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab denied':
      'arn:aws:kms:us-east-1:(account):key/(name) denied',
    'the key 1234abcd-12ab-34cd-56ef-1234567890ab is disabled': 'the key (key id) is disabled',
    'arn:aws:iam::aws:policy/team/Secret and instance-profile/web-servers':
      'arn:aws:iam::aws:policy/(name) and instance-profile/(name)',
    'arn:aws:sqs:us-east-1:111122223333:private-queue is full': 'arn:aws:sqs:us-east-1:(account):(name) is full',
    'arn:aws:s3:::private-bucket/uploads/* and arn:aws:s3:::acme-uploads/uploads/*':
      'arn:aws:s3:::(bucket)/uploads/* and arn:aws:s3:::(UPLOAD_BUCKET)/uploads/*',
    'arn:aws:kinesis:us-east-1:*:stream/acme-stream': 'arn:aws:kinesis:us-east-1:*:stream/(STREAM_NAME)',
    'AWSReservedSSO_111122223333_x and logs-111122223333': 'AWSReservedSSO_(account)_x and logs-(account)',
    'request 5ab4f111122223333cc': 'request 5ab4f111122223333cc',
    'the key AKIAABCDEFGHIJKLMNOP of ann@example.com': 'the key (key id) of (address)',
  }
  for (const [text, expected] of Object.entries(cases)) t.equal(clean(text), expected)
})

t.test('redacts URLs of the api and presigned URLs', async t => {
  t.equal(
    clean(`${env.API_URL}/uploads and https://zyxwv98765.execute-api.eu-west-1.amazonaws.com`),
    '(API_URL)/uploads and https://(api).execute-api.eu-west-1.amazonaws.com',
  )
  t.equal(
    clean(
      'https://acme-uploads.s3.amazonaws.com/uploads/a?versionId=1&X-Amz-Credential=ASIAABCDEFGHIJKLMNOP%2F20261130&X-Amz-Signature=ff',
    ),
    'https://(UPLOAD_BUCKET).s3.amazonaws.com/uploads/a?(presigned)',
  )
})

t.test('redacts the app client, the issuer and the user that the token names', async t => {
  t.equal(
    clean(`the token is for the app client ${claims.aud} (aud), and COGNITO_CLIENT_ID is ${env.COGNITO_CLIENT_ID}`),
    'the token is for the app client (client id) (aud), and COGNITO_CLIENT_ID is (COGNITO_CLIENT_ID)',
  )
  t.equal(
    clean(`the token's issuer (iss) is ${claims.iss}, not ours`),
    "the token's issuer (iss) is (issuer), not ours",
  )
  t.equal(clean('typed-user may not'), '(user) may not')
})

t.test('replaces a short user name as a whole word only, and escapes names in patterns', async t => {
  const short = loadConfig(doctorConfigSchema, { ...env, HEADGATE_USERNAME: 'ed' })
  t.equal(withoutSecrets('ed uploaded', short, token), '(HEADGATE_USERNAME) uploaded')
  const inToken = loadConfig(doctorConfigSchema, { ...env, HEADGATE_USERNAME: 'hbGciOi' })
  t.equal(withoutSecrets('eyJhbGciOiJub25lIn0.eyJzdWIiOiIyIn0.sig', inToken, token), '(token)')
  const quoted = loadConfig(doctorConfigSchema, { ...env, HEADGATE_USERNAME: "o'neil@example.com" })
  t.notMatch(withoutSecrets("for o'neil@example.com.", quoted, token), /neil|o'/)
})

t.test('redacts a report before it joins lines and escapes vertical bars', async t => {
  const secret = 'Secret|word-1'
  const report = formatReport({
    config: loadConfig(doctorConfigSchema, { ...env, HEADGATE_PASSWORD: secret }),
    token,
    checks: [
      { id: 'x', title: 'x', status: 'failed', seen: `${token.slice(0, 50)}\n${token.slice(50)}`, advice: secret },
    ],
    result: { steps: [], measured: undefined, left: [] },
    now: 0,
  })
  t.match(report, '| failed | `x` | (token) **Do:** (HEADGATE_PASSWORD) |')
})

t.test('rejects a token that contains whitespace before the first request, and does not print it', async t => {
  const wrapped = `${token.slice(0, 60)}\n${token.slice(60)}`
  for (const bad of [wrapped, `Bearer ${token}`, `${token}\u2026`, ' ']) {
    for (const args of [['doctor', '--deep'], ['doctor']]) {
      const run = await runHeadgate(t, { ...env, API_URL: 'http://127.0.0.1:1', API_TOKEN: bad }, ...args)
      t.match(run, { code: 2, stdout: '', stderr: /^API_TOKEN (contains whitespace|is empty, or contains characters)/ })
      t.notMatch(run.stderr, /eyJ|c2ln/)
    }
  }
})

t.test('removes whitespace from the ends of a token', async t => {
  const run = await runHeadgate(
    t,
    { ...env, API_TOKEN: ` ${token}\n`, API_URL: 'http://127.0.0.1:1' },
    ...['doctor', '--json', '--only', 'token', '--only', 'api-with-token'],
  )
  t.match(run, { code: 1, stdout: /ECONNREFUSED|fetch failed/ })
  t.notMatch(run.stdout + run.stderr, /eyJ|c2ln|invalid header/)
})
