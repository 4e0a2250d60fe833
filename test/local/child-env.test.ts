import t from 'tap'
import { childEnv } from '../../services/local/pipeline/child-env.ts'
import { apiConfigSchema } from '../../services/platform/config/api.ts'
import { workerConfigSchema } from '../../services/platform/config/worker.ts'

t.test("nothing of a person's own AWS settings reaches a child", async t => {
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

t.test(
  'of all that configures the api and the worker only bounds, paces, transforms and traces are inherited',
  async t => {
    const names = [apiConfigSchema, workerConfigSchema].flatMap(schema => Object.keys(schema.properties))
    const own = Object.fromEntries(names.map(name => [name, 'x']))
    const left = Object.entries(childEnv(own, {}, {}))
      .filter(([, value]) => value === 'x')
      .map(([name]) => name)
    t.strictSame(left.sort(), [
      'EVENT_PUT_TIMEOUT_MS',
      'FAILOVER_TIME_MS',
      'LOG_LEVEL',
      'MAX_JSON_BYTES',
      'MAX_UPLOAD_BYTES',
      'OTEL_EXPORTER_OTLP_ENDPOINT',
      'OTEL_EXPORTER_OTLP_HEADERS',
      'OTEL_EXPORTER_OTLP_PROTOCOL',
      'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
      'OTEL_RESOURCE_ATTRIBUTES',
      'OTEL_SERVICE_NAME',
      'OTEL_TRACES_EXPORTER',
      'OTEL_TRACES_SAMPLER',
      'OTEL_TRACES_SAMPLER_ARG',
      'OUTBOX_GRACE_MS',
      'OUTBOX_INTERVAL_MS',
      'SHARD_CONCURRENCY',
      'TRANSFORMS',
    ])
  },
)

t.test("what a child is started with wins over what a person sets, and what is nobody's stays", async t => {
  const env = childEnv(
    { PORT: '1', KEY_TEMPLATE: 'x', PATH: '/bin', STREAM_NAME: 's' },
    { STREAM_NAME: 'u' },
    { PORT: '3000' },
  )
  t.match(env, { PORT: '3000', PATH: '/bin', STREAM_NAME: 'u', SHUTDOWN_TIMEOUT_MS: '8000' })
  t.notOk('KEY_TEMPLATE' in env)
})

t.test('a worker has as long for a lease as in a fleet: a laptop stalls, too', async t => {
  t.notOk('FAILOVER_TIME_MS' in childEnv({}, {}, {}))
})
