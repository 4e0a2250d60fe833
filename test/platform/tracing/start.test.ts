import t, { type Test } from 'tap'
import { Type } from 'typebox'
import { loadConfig } from '../../../services/platform/config/load.ts'
import { tracingProperties } from '../../../services/platform/config/tracing.ts'
import { startTracing } from '../../../services/platform/tracing/start.ts'
import { startOtlpReceiver } from '../../support/otlp/receiver.ts'
import { startSecretsManager } from '../../support/otlp/secrets-manager.ts'
import { createMemoryLog } from '../../worker/memory-log.ts'

const arn = (name: string) => `arn:aws:secretsmanager:us-east-1:111111111111:secret:${name}-AbCdEf`
const secrets = await startSecretsManager(t, {
  [arn('good')]: 'api-key=from%20the%20secret',
  [arn('json')]: '{"api-key":"hunter2"}',
})
Object.assign(process.env, {
  AWS_ENDPOINT_URL_SECRETS_MANAGER: secrets.url,
  AWS_ACCESS_KEY_ID: 'test',
  AWS_SECRET_ACCESS_KEY: 'test',
})
const schema = Type.Object({ ...tracingProperties, AWS_REGION: Type.String() })

async function start(t: Test, env: Record<string, string>) {
  const { log, lines } = createMemoryLog()
  const config = loadConfig(schema, { AWS_REGION: 'us-east-1', ...env })
  const tracing = await startTracing({ config, role: 'api', log })
  t.teardown(() => tracing?.close(0))
  return { tracing, lines }
}

t.test('exports nothing by default', async t => {
  t.match(await start(t, {}), { tracing: undefined, lines: [] })
})

t.test('sends the headers of the environment and of the secret with every request', async t => {
  const receiver = await startOtlpReceiver(t)
  const { tracing } = await start(t, {
    OTEL_TRACES_EXPORTER: 'otlp',
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    OTEL_EXPORTER_OTLP_HEADERS: 'tenant=mine',
    OTLP_HEADERS_SECRET_ARN: arn('good'),
    OTEL_SERVICE_NAME: 'uploads',
    OTEL_RESOURCE_ATTRIBUTES: 'service.name=overruled,deployment.environment.name=test',
  })
  tracing?.start({ name: 'it' }).end()
  await tracing?.flush(10_000)
  t.match(receiver.requests, [{ headers: { tenant: 'mine', 'api-key': 'from the secret' } }])
  t.match(receiver.spans, [{ service: 'uploads' }])
  t.ok(Buffer.concat(receiver.bodies).includes('deployment.environment.name'))
})

t.test('logs an error and exports nothing if the secret cannot be read', async t => {
  for (const name of ['missing', 'json']) {
    const { tracing, lines } = await start(t, { OTEL_TRACES_EXPORTER: 'otlp', OTLP_HEADERS_SECRET_ARN: arn(name) })
    t.equal(tracing, undefined, name)
    t.match(lines, [{ level: 'error', msg: /no traces are exported/ }], name)
    t.notMatch(JSON.stringify(lines), /hunter2/)
  }
})
