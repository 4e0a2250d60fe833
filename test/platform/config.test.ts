import t from 'tap'
import { Type } from 'typebox'
import { apiConfigSchema, issuerOf, jwksUrlOf } from '../../services/platform/config/api.ts'
import { loadConfig } from '../../services/platform/config/load.ts'
import { otlpUrl, pairsOf } from '../../services/platform/config/tracing.ts'
import { processorConfigSchema, workerConfigSchema } from '../../services/platform/config/worker.ts'
import { ConfigurationError, HeadgateError } from '../../services/platform/errors.ts'
import { names } from '../../services/platform/resources.ts'

const shared = { AWS_REGION: 'eu-central-1', UPLOAD_BUCKET: 'my-uploads' }
const api = { ...shared, COGNITO_USER_POOL_ID: 'eu-central-1_a', COGNITO_CLIENT_ID: 'client' }
const worker = { ...shared, PROCESSED_BUCKET: 'my-processed' }

/** Returns the faults of an environment as `VARIABLE: problem`. */
function faultsOf(load: () => unknown): string[] {
  try {
    load()
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error
    return error.faults.map(({ variable, problem }) => `${variable}: ${problem}`).sort()
  }
  throw new Error('The configuration was taken.')
}

t.test('applies defaults, and omits optional variables that are unset', async t => {
  t.strictSame(
    { ...loadConfig(workerConfigSchema, worker) },
    {
      ...worker,
      STREAM_NAME: names.stream,
      UPLOADS_TABLE: names.uploadsTable,
      LOG_LEVEL: 'info',
      SHUTDOWN_TIMEOUT_MS: 25_000,
      APPLICATION_NAME: names.application,
      FAILOVER_TIME_MS: 10_000,
      SHARD_CONCURRENCY: 16,
      OUTBOX_INTERVAL_MS: 5_000,
      OUTBOX_GRACE_MS: 30_000,
      STRAY_AFTER_HOURS: 25,
      GIVE_UP_AFTER_HOURS: 20,
      NOTIFICATIONS_ALLOW_ADDRESSES: '',
      SCANNER: 'none',
      CLAMD_TIMEOUT_MS: 150_000,
      CLAMD_MAX_CONNECTIONS: 8,
      CLAMD_MAX_BYTES: 26_214_400,
      STUCK_AFTER_MS: 300_000,
      HEALTH_HOST: '0.0.0.0',
      OTEL_TRACES_EXPORTER: 'none',
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://localhost:4318',
      OTEL_EXPORTER_OTLP_HEADERS: '',
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
      OTEL_RESOURCE_ATTRIBUTES: '',
      OTEL_TRACES_SAMPLER: 'parentbased_always_on',
      OTEL_TRACES_SAMPLER_ARG: 1,
    },
  )
  const config = loadConfig(apiConfigSchema, api)
  t.match(config, { PORT: 3000, HOST: '0.0.0.0', TRUST_PROXY: '', MAX_UPLOAD_BYTES: 5 * 1024 ** 3 })
  t.equal(config.KEY_TEMPLATE, 'uploads/{owner}/{uploadId}/{filename}')
  t.notOk('COGNITO_ISSUER' in config)
})

t.test('converts text to the types of the schema', async t => {
  const config = loadConfig(workerConfigSchema, { ...worker, HEALTH_PORT: '0', FAILOVER_TIME_MS: '2500' })
  t.equal(config.HEALTH_PORT, 0)
  t.equal(config.FAILOVER_TIME_MS, 2_500)
})

t.test('treats an empty variable as unset', async t => {
  const config = loadConfig(workerConfigSchema, { ...worker, STREAM_NAME: '', HEALTH_PORT: '', LOG_LEVEL: '' })
  t.equal(config.STREAM_NAME, names.stream)
  t.equal(config.LOG_LEVEL, 'info')
  t.notOk('HEALTH_PORT' in config)
  t.strictSame(
    faultsOf(() => loadConfig(workerConfigSchema, { ...worker, AWS_REGION: '' })),
    ['AWS_REGION: is required'],
  )
})

t.test('names every invalid variable with its problem', async t => {
  t.strictSame(
    faultsOf(() => loadConfig(workerConfigSchema, {})),
    ['AWS_REGION: is required', 'PROCESSED_BUCKET: is required', 'UPLOAD_BUCKET: is required'],
  )
  const wrong = {
    ...api,
    UPLOAD_BUCKET: 'ab',
    STREAM_NAME: 'no spaces',
    LOG_LEVEL: 'loud',
    PORT: '65536',
    HEADERS_TIMEOUT_MS: '1e4',
    MAX_JSON_BYTES: 'much',
    EVENT_PUT_TIMEOUT_MS: '2.5',
    COGNITO_ISSUER: 'https://issuer.example/',
    KEY_TEMPLATE: 'elsewhere/{filename}',
    TRUST_PROXY: 'foo, 10.0.0.0/8,10.0.0.0/33',
  }
  const faults = faultsOf(() => loadConfig(apiConfigSchema, wrong))
  t.match(faults, [
    /^COGNITO_ISSUER: must match pattern/,
    /^EVENT_PUT_TIMEOUT_MS: must be integer/,
    /^HEADERS_TIMEOUT_MS: must be integer/,
    'KEY_TEMPLATE: must be one of uploads/{owner}/{uploadId}/{filename}, uploads/{filename}',
    'LOG_LEVEL: must be one of fatal, error, warn, info, debug, trace, silent',
    /^MAX_JSON_BYTES: must be integer/,
    'PORT: must be <= 65535',
    /^STREAM_NAME: must match pattern/,
    'TRUST_PROXY: must be addresses or CIDR ranges, but these are not: foo, 10.0.0.0/33',
    /^UPLOAD_BUCKET: must not have fewer than 3 characters/,
  ])
  t.equal(faults.length, 10)
})

t.test('TRUST_PROXY accepts addresses and CIDR ranges, but no number, name or wildcard', async t => {
  const load = (TRUST_PROXY: string) => loadConfig(apiConfigSchema, { ...api, TRUST_PROXY })
  for (const list of ['10.0.0.0/8, 127.0.0.1,fd00::/8', ' , ', '::1']) t.equal(load(list).TRUST_PROXY, list)
  const wrong = [
    'true',
    '1',
    '*',
    '10.0.0.0/33',
    '10.0.0.0/8/8',
    'fd00::/129',
    '10.0.0.0/',
    'loopback',
    '10.0.0.1,evil',
  ]
  for (const list of wrong) {
    t.match(
      faultsOf(() => load(list)),
      [/^TRUST_PROXY: must be addresses or CIDR ranges/],
      list,
    )
  }
})

t.test('bucket names follow the rules of S3', async t => {
  for (const name of ['abc', 'my-uploads', 'a.b-c.9', '123']) {
    t.equal(
      loadConfig(workerConfigSchema, { ...worker, UPLOAD_BUCKET: name, PROCESSED_BUCKET: name }).UPLOAD_BUCKET,
      name,
    )
  }
  for (const name of ['My-Uploads', 'my_uploads', 'my uploads', '-abc', 'abc-', '.abc', 'a..b', 'a/b', 's3://abc']) {
    t.match(
      faultsOf(() => loadConfig(workerConfigSchema, { ...worker, UPLOAD_BUCKET: name, PROCESSED_BUCKET: name })),
      [/^PROCESSED_BUCKET: must match pattern/, /^UPLOAD_BUCKET: must match pattern/],
      name,
    )
  }
})

t.test('MAX_UPLOAD_BYTES is at max 10,000 parts of 8 MiB', async t => {
  const max = 10_000 * 8 * 1024 ** 2
  const load = (bytes: number) => loadConfig(apiConfigSchema, { ...api, MAX_UPLOAD_BYTES: String(bytes) })
  t.equal(load(max).MAX_UPLOAD_BYTES, max)
  t.strictSame(
    faultsOf(() => load(max + 1)),
    [`MAX_UPLOAD_BYTES: must be <= ${max}`],
  )
})

t.test('the error has a message for people and faults for programs', async t => {
  const error = new ConfigurationError([
    { variable: 'A', problem: 'is required' },
    { variable: 'B', problem: 'must be >= 1' },
  ])
  t.ok(error instanceof HeadgateError)
  t.match(error, { name: 'ConfigurationError', code: 'HEADGATE_CONFIGURATION' })
  t.match(error.message, /^.*environment variables:\n {2}A: is required\n {2}B: must be >= 1$/)
})

t.test('the configuration is frozen, and omits variables that the schema does not name', async t => {
  const env: NodeJS.ProcessEnv = { ...worker, AWS_SECRET_ACCESS_KEY: 'secret', PATH: '/bin' }
  const config = loadConfig(processorConfigSchema, env)
  t.ok(Object.isFrozen(config))
  t.throws(() => Object.assign(config, { AWS_REGION: 'elsewhere' }), TypeError)
  t.notOk('AWS_SECRET_ACCESS_KEY' in config)
  t.notOk('PATH' in config)
  t.notOk('FAILOVER_TIME_MS' in config, 'a Lambda function does not read what only the container does')
  t.strictSame(env, { ...worker, AWS_SECRET_ACCESS_KEY: 'secret', PATH: '/bin' }, 'the environment stays as it is')
})

t.test('throws a TypeError for an invalid schema', async t => {
  const schema = Type.Object({ A: Type.String({ pattern: '(' }) })
  t.throws(() => loadConfig(schema, { A: 'a' }), { name: 'SyntaxError' })
})

t.test('the issuer is COGNITO_ISSUER, or else the issuer of the user pool at AWS', async t => {
  t.equal(issuerOf(loadConfig(apiConfigSchema, api)), 'https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_a')
  const own = { ...api, COGNITO_ISSUER: 'http://127.0.0.1:9229/eu-central-1_a' }
  t.equal(issuerOf(loadConfig(apiConfigSchema, own)), 'http://127.0.0.1:9229/eu-central-1_a')
  t.equal(
    jwksUrlOf(loadConfig(apiConfigSchema, own)),
    'http://127.0.0.1:9229/eu-central-1_a/.well-known/jwks.json',
    'the keys are below the issuer',
  )
  const elsewhere = { ...own, COGNITO_JWKS_URL: 'http://aws:9229/keys' }
  t.equal(issuerOf(loadConfig(apiConfigSchema, elsewhere)), 'http://127.0.0.1:9229/eu-central-1_a')
  t.equal(jwksUrlOf(loadConfig(apiConfigSchema, elsewhere)), 'http://aws:9229/keys')
})

t.test('validates the variables for tracing, and shows no secret in messages', async t => {
  const wrong = {
    OTEL_TRACES_EXPORTER: 'console',
    OTEL_EXPORTER_OTLP_ENDPOINT: 'https://me:hunter2@collector.example',
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'collector:4318?key=hunter2',
    OTEL_EXPORTER_OTLP_HEADERS: 'a=1,hunter2',
    OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
    OTEL_TRACES_SAMPLER: 'sometimes',
    OTEL_TRACES_SAMPLER_ARG: '1.5',
    OTLP_HEADERS_SECRET_ARN: 'my-secret',
  }
  const faults = faultsOf(() => loadConfig(apiConfigSchema, { ...api, ...wrong }))
  t.strictSame(
    faults.map(fault => fault.split(':')[0]),
    Object.keys(wrong).sort(),
  )
  t.match(
    faults.join(),
    /OTEL_EXPORTER_OTLP_HEADERS: must be a list such as name=value,name=value: entry 2 is not a pair/,
  )
  t.match(faults.join(), /OTEL_EXPORTER_OTLP_PROTOCOL: must be one of http\/protobuf/)
  t.notMatch(faults.join(), /hunter2/)
  for (const headers of ['a=1,a=2', '=1', 'a b=1', 'a=%zz', 'a=%0d%0ax']) {
    const [fault] = faultsOf(() => loadConfig(apiConfigSchema, { ...api, OTEL_EXPORTER_OTLP_HEADERS: headers }))
    t.match(fault, /^OTEL_EXPORTER_OTLP_HEADERS: /, headers)
  }
})

t.test('reads headers, endpoints and ratios as OpenTelemetry specifies', async t => {
  const ratio = (OTEL_TRACES_SAMPLER_ARG: string) =>
    loadConfig(apiConfigSchema, { ...api, OTEL_TRACES_SAMPLER_ARG }).OTEL_TRACES_SAMPLER_ARG
  t.strictSame(['0', '1', '0.25', '.5', '1.'].map(ratio), [0, 1, 0.25, 0.5, 1])
  for (const wrong of ['half', '0,5', '-0.1', '1.01', '0x1', '1e', '.']) t.throws(() => ratio(wrong), wrong)
  t.strictSame(pairsOf(' api-key = a%20b , x=1=2,'), { 'api-key': 'a b', x: '1=2' })
  const url = (env: Record<string, string>) => otlpUrl(loadConfig(apiConfigSchema, { ...api, ...env }))
  t.equal(url({}), 'http://localhost:4318/v1/traces')
  t.equal(url({ OTEL_EXPORTER_OTLP_ENDPOINT: 'https://a.example/otlp/' }), 'https://a.example/otlp/v1/traces')
  t.equal(url({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://a.example/take' }), 'https://a.example/take')
})
