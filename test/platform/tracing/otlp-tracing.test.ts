import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import { Registry } from 'prom-client'
import t, { type Test } from 'tap'
import { Type } from 'typebox'
import { loadConfig } from '../../../services/platform/config/load.ts'
import { otlpUrl, tracingProperties } from '../../../services/platform/config/tracing.ts'
import { createOtlpTracing } from '../../../services/platform/tracing/otlp-tracing.ts'
import { registerTraceMetrics } from '../../../services/platform/tracing/trace-metrics.ts'
import { eventually } from '../../api/support.ts'
import { type OtlpReceiver, startOtlpReceiver } from '../../support/otlp/receiver.ts'
import { createMemoryLog } from '../../worker/memory-log.ts'

const PARENT = { traceId: '4bf92f3577b34da6a3ce929d0e0e4736', spanId: '00f067aa0ba902b7' }
const parent = (flags: string) => `00-${PARENT.traceId}-${PARENT.spanId}-${flags}`

function tracingTo(t: Test, receiver: Pick<OtlpReceiver, 'url'>, env: Record<string, string> = {}) {
  const config = loadConfig(Type.Object(tracingProperties), { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, ...env })
  const memory = createMemoryLog()
  const { log } = memory
  const exporter = new OTLPTraceExporter({ url: otlpUrl(config), timeoutMillis: 500 })
  const tracing = createOtlpTracing({ config, exporter, resource: { 'service.name': 'test' }, log })
  t.teardown(() => tracing.close(0))
  return { tracing, memory }
}

/** Resolves to the URL of a port without a listener. */
async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

t.test('exports spans with their attributes, and errors by their name only', async t => {
  const receiver = await startOtlpReceiver(t)
  const { tracing } = tracingTo(t, receiver)
  const secret = new RangeError('with a secret in it')
  await t.rejects(
    tracing.inSpan({ name: 'outer', kind: 'server', attributes: { a: 1, b: true, c: 'd' } }, async () =>
      tracing.inSpan({ name: 'inner' }, async () => {
        throw secret
      }),
    ),
    secret,
  )
  t.equal(tracing.current(), undefined)
  await tracing.flush(10_000)
  const [inner, outer] = receiver.spans
  t.match(outer, { name: 'outer', kind: 'server', parentSpanId: '', attributes: { a: 1, b: 1, c: 'd' }, isError: true })
  t.match(inner, { name: 'inner', kind: 'internal', traceId: outer?.traceId, parentSpanId: outer?.spanId })
  t.equal(inner?.attributes['error.type'], 'RangeError')
  t.notOk(Buffer.concat(receiver.bodies).includes('secret'))
  t.strictSame(tracing.counts(), { exported: 2, dropped: 0, waiting: 0 })
})

t.test('supports the samplers of OpenTelemetry by their names', async t => {
  const sampled = (env: Record<string, string>, given?: string) => {
    const { tracing } = tracingTo(t, { url: 'http://127.0.0.1:9' }, env)
    const span = tracing.start({ name: 'it', parent: given })
    t.equal(span.traceparent.endsWith('-01'), span.isRecorded, 'as its traceparent says')
    return span.isRecorded
  }
  const by = (OTEL_TRACES_SAMPLER: string, arg = '1') => ({ OTEL_TRACES_SAMPLER, OTEL_TRACES_SAMPLER_ARG: arg })
  t.equal(sampled({}), true, 'by default all')
  t.equal(sampled({}, parent('00')), false, 'but for what the caller does not')
  t.equal(sampled(by('parentbased_always_off')), false)
  t.equal(sampled(by('parentbased_always_off'), parent('01')), true)
  t.equal(sampled(by('always_on'), parent('00')), true)
  t.equal(sampled(by('always_off'), parent('01')), false)
  t.equal(sampled(by('traceidratio', '0'), parent('01')), false)
  t.equal(sampled(by('parentbased_traceidratio', '0')), false)
  t.equal(sampled(by('parentbased_traceidratio', '0'), parent('01')), true)
  t.equal(sampled({}, 'nonsense'), true, 'what is no traceparent is no parent')
})

t.test('gives the preset ids to the first span of a trace only', async t => {
  const { tracing } = tracingTo(t, { url: 'http://127.0.0.1:9' })
  t.equal(tracing.start({ name: 'it', ids: parent('00') }).traceparent, parent('01'))
  t.not(tracing.start({ name: 'next' }).traceparent.split('-')[1], PARENT.traceId)
})

t.test('there is no current span outside of spans, or after the end of the span', async t => {
  const { tracing } = tracingTo(t, { url: 'http://127.0.0.1:9' })
  const span = tracing.start({ name: 'it' })
  tracing.within(span, () => {
    t.equal(tracing.current(), span)
    tracing.within(undefined, () => t.equal(tracing.current(), undefined))
    span.end()
    t.equal(tracing.current(), undefined)
  })
})

t.test('bounds the queue, counts dropped spans and warns once', async t => {
  const receiver = await startOtlpReceiver(t)
  receiver.answer('never')
  const { tracing, memory } = tracingTo(t, receiver)
  const SPANS = 10_000
  for (let i = 0; i < SPANS; i++) tracing.start({ name: 'it' }).end()
  const { dropped, waiting, exported } = tracing.counts()
  const registry = new Registry()
  registerTraceMetrics(registry, tracing)
  const text = await registry.metrics()
  t.match(text, new RegExp(`^headgate_spans_dropped_total ${dropped}$`, 'm'))
  t.match(text, /^headgate_spans_exported_total 0$/m)
  t.match(text, /^headgate_spans_waiting 2048$/m)
  t.equal(waiting, 2_048)
  t.equal(exported, 0)
  t.equal(dropped, SPANS - 2_048 - 512, 'but for what is on its way')
  t.match(memory.lines, [{ level: 'warn', msg: 'spans of traces are dropped', why: 'the queue is full' }])
  t.equal(memory.lines.length, 1)
  await tracing.flush(50)
  await tracing.close(0)
  t.equal(tracing.counts().dropped, SPANS - 512, 'the last, too')
  t.equal(memory.lines.length, 2)
})

t.test('counts the spans as dropped if the endpoint cannot be reached', async t => {
  const { tracing, memory } = tracingTo(t, { url: `http://127.0.0.1:${await closedPort()}` })
  tracing.start({ name: 'it' }).end()
  await tracing.flush(10_000)
  t.strictSame(tracing.counts(), { exported: 0, dropped: 1, waiting: 0 })
  t.match(memory.lines, [{ level: 'warn', why: /ECONNREFUSED/ }])
})

t.test('exports new spans once the endpoint is back', async t => {
  const receiver = await startOtlpReceiver(t)
  receiver.answer(401)
  const { tracing, memory } = tracingTo(t, receiver)
  tracing.start({ name: 'lost' }).end()
  await tracing.flush(10_000)
  t.strictSame(tracing.counts(), { exported: 0, dropped: 1, waiting: 0 })
  t.match(memory.lines, [{ level: 'warn', why: /401/ }])
  receiver.answer(200)
  tracing.start({ name: 'kept' }).end()
  await eventually(() => receiver.spans.length > 0)
  await eventually(() => tracing.counts().exported === 1)
  t.match(receiver.spans, [{ name: 'kept' }])
  t.match(memory.lines[1], { level: 'info', msg: 'spans are exported again' })
})

t.test('a Lambda invocation waits for an export, unless the last export failed', async t => {
  const receiver = await startOtlpReceiver(t)
  const { tracing } = tracingTo(t, receiver)
  const handler = tracing.withFlush(async (name: string) => tracing.inSpan({ name }, async () => `done: ${name}`))
  t.equal(await handler('first'), 'done: first')
  t.equal(receiver.spans.length, 1)
  receiver.answer(400)
  t.equal(await handler('second'), 'done: second')
  receiver.answer('never')
  for (let i = 0; i < 20; i++) await handler(`hanging ${i}`)
  t.equal(tracing.counts().exported, 1)
  const thrown = new Error('its own')
  const failing = tracing.withFlush(async () => {
    throw thrown
  })
  await t.rejects(failing(), thrown)
})
