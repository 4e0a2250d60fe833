import t from 'tap'
import { childEnv, fixedVariables, ignoredVariables } from '../../services/local/pipeline/child-env.ts'
import { apiConfigSchema } from '../../services/platform/config/api.ts'
import { workerConfigSchema } from '../../services/platform/config/worker.ts'

t.test('a child gets no AWS variable of the user', async t => {
  const own = {
    AWS_PROFILE: 'production',
    AWS_SESSION_TOKEN: 's',
    AWS_ENDPOINT_URL: 'https://x',
    AWS_REGION: 'eu-west-1',
  }
  const env = childEnv(own, { AWS_REGION: 'us-east-1', AWS_ACCESS_KEY_ID: 'local' }, {})
  const left = Object.keys(env).filter(name => name.startsWith('AWS_'))
  t.strictSame(left.sort(), ['AWS_ACCESS_KEY_ID', 'AWS_EC2_METADATA_DISABLED', 'AWS_REGION'])
  t.equal(env.AWS_REGION, 'us-east-1')
})

t.test('passes every variable of the api and the worker on, except those that npm start sets itself', async t => {
  const names = [apiConfigSchema, workerConfigSchema].flatMap(schema => Object.keys(schema.properties))
  const own = Object.fromEntries(names.map(name => [name, 'x']))
  const env = childEnv(own, {}, {})
  const left = new Set(names.filter(name => env[name] !== 'x'))
  t.strictSame([...left].sort(), [
    'APPLICATION_NAME',
    'AWS_REGION',
    'COGNITO_CLIENT_ID',
    'COGNITO_ISSUER',
    'COGNITO_JWKS_URL',
    'COGNITO_USER_POOL_ID',
    'HEALTH_PORT',
    'HOST',
    'OTLP_HEADERS_SECRET_ARN',
    'PORT',
    'PROCESSED_BUCKET',
    'S3_PUBLIC_ENDPOINT',
    'STREAM_NAME',
    'UPLOADS_TABLE',
    'UPLOAD_BUCKET',
    'WORKER_ID',
  ])
  t.strictSame(
    [...fixedVariables.keys()].sort(),
    [...left].sort(),
    'a fixed variable that no process reads would be a mistake',
  )
})

t.test('names each variable that has no effect, with the reason', async t => {
  const set = { PORT: '8080', UPLOAD_BUCKET: 'mine', AWS_REGION: 'eu-west-1', HOST: 'laptop', MAX_JSON_BYTES: '2048' }
  t.strictSame(ignoredVariables(set), [
    'npm start ignores UPLOAD_BUCKET: the embedded AWS has its own.',
    'npm start ignores PORT: use npm start -- --port.',
  ])
})

t.test('pages that this machine serves may call the api by default', async t => {
  t.equal(childEnv({}, {}, {}).CORS_ORIGINS, 'http://localhost:*,http://127.0.0.1:*,http://[::1]:*')
  t.equal(childEnv({ CORS_ORIGINS: 'https://app.example' }, {}, {}).CORS_ORIGINS, 'https://app.example')
})

t.test('the admin and health ports listen on the loopback address by default', async t => {
  t.match(childEnv({}, {}, {}), { ADMIN_HOST: '127.0.0.1', HEALTH_HOST: '127.0.0.1' })
  t.match(childEnv({ ADMIN_HOST: '0.0.0.0' }, {}, {}), { ADMIN_HOST: '0.0.0.0' })
})

t.test('variables that npm start sets override the environment, and other variables stay', async t => {
  const env = childEnv({ PORT: '1', PATH: '/bin', STREAM_NAME: 's' }, { STREAM_NAME: 'u' }, { PORT: '3000' })
  t.match(env, { PORT: '3000', PATH: '/bin', STREAM_NAME: 'u', SHUTDOWN_TIMEOUT_MS: '8000' })
})

t.test('does not shorten the failover time of the workers, because a laptop stalls too', async t => {
  t.notOk('FAILOVER_TIME_MS' in childEnv({}, {}, {}))
})
