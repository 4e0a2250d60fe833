import { hash } from 'node:crypto'
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { HttpRequest } from '@smithy/core/protocols'
import t from 'tap'
import { Type } from 'typebox'
import { loadConfig } from '../../../services/platform/config/load.ts'
import { tracingProperties, xrayUrl } from '../../../services/platform/config/tracing.ts'
import { createOtlpTracing } from '../../../services/platform/tracing/otlp-tracing.ts'
import { SignedExporter } from '../../../services/platform/tracing/signed-exporter.ts'
import { startOtlpReceiver } from '../../support/otlp/receiver.ts'
import { createMemoryLog } from '../../worker/memory-log.ts'

const region = 'eu-central-1'
const credentials = { accessKeyId: 'ASIAEXAMPLE', secretAccessKey: 'secret', sessionToken: 'a/session+token==' }
const config = loadConfig(Type.Object(tracingProperties), { OTEL_TRACES_EXPORTER: 'xray' })

t.test("signs spans for X-Ray as AWS's own signer does", async t => {
  const receiver = await startOtlpReceiver(t)
  const url = `${receiver.url}/v1/traces`
  const exporter = new SignedExporter({ url, region, timeoutMs: 5_000, credentials: async () => credentials })
  const tracing = createOtlpTracing({ config, exporter, resource: {}, log: createMemoryLog().log })
  t.teardown(() => tracing.close(0))
  for (const name of ['first', 'second']) {
    tracing.start({ name }).end()
    await tracing.flush(10_000)
  }
  t.strictSame(
    receiver.spans.map(({ name }) => name),
    ['first', 'second'],
  )
  const { config: sdk } = new DynamoDBClient({ region, credentials })
  const properties = { name: 'sigv4', signingName: 'xray', signingRegion: region, properties: {} }
  const signer = await sdk.signer(properties)
  for (const [index, { headers }] of receiver.requests.entries()) {
    const body = receiver.bodies[index] ?? Buffer.alloc(0)
    t.equal(headers['x-amz-content-sha256'], hash('sha256', body))
    const time = String(headers['x-amz-date']).replace(/(....)(..)(..T..)(..)(..Z)/, '$1-$2-$3:$4:$5')
    const request = new HttpRequest({
      method: 'POST',
      protocol: 'http:',
      hostname: '127.0.0.1',
      path: '/v1/traces',
      body,
      headers: { host: String(headers.host), 'x-amz-content-sha256': hash('sha256', body) },
    })
    const signed = await signer.sign(request, { signingDate: new Date(time) })
    t.equal(headers.authorization, signed.headers.authorization)
    t.equal(headers['x-amz-security-token'], credentials.sessionToken)
  }
})

t.test('drops the spans if the credentials cannot be loaded', async t => {
  const url = 'http://127.0.0.1:9/v1/traces'
  const failing = () => Promise.reject(new Error('no credentials'))
  const exporter = new SignedExporter({ url, region, timeoutMs: 500, credentials: failing })
  const { log, lines } = createMemoryLog()
  const tracing = createOtlpTracing({ config, exporter, resource: {}, log })
  tracing.start({ name: 'it' }).end()
  await tracing.flush(10_000)
  t.match(lines, [{ msg: 'spans of traces are dropped', why: 'no credentials' }])
  await tracing.close(0)
})

t.test('derives the endpoint of X-Ray from the region unless it is configured', async t => {
  t.equal(xrayUrl({}, 'eu-central-1'), 'https://xray.eu-central-1.amazonaws.com/v1/traces')
  t.equal(xrayUrl({}, 'cn-north-1'), 'https://xray.cn-north-1.amazonaws.com.cn/v1/traces')
  const inVpc = 'https://vpce-1.xray.example/v1/traces'
  t.equal(xrayUrl({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: inVpc }, 'eu-central-1'), inVpc)
})
