import type { APIGatewayProxyResult } from 'aws-lambda'
import type { Test } from 'tap'
import { type Call, httpApiEvent } from '../../../api/gateway-events.ts'
import type { TestUser } from '../../../api/support.ts'
import type { TestAws } from '../../../support/aws.ts'
import { type FaultProxy, startFaultProxy } from '../../../support/fault-proxy.ts'
import { reset, silence } from '../../../support/faults/faults.ts'
import { type EmulatedFunction, FunctionError } from '../emulator.ts'

type Service = 's3' | 'dynamodb' | 'kinesis'

const json = { 'content-type': 'application/json' }
const upload: Call = { method: 'POST', path: '/uploads', headers: json, body: '{"content":"x"}' }
/** The function's time-out. The api responds 4 s before it, if it is still waiting for AWS. */
const TIMEOUT_SECONDS = 8

export async function answerDuringOutages(
  t: Test,
  {
    aws,
    user,
    start,
  }: {
    aws: TestAws
    user: TestUser
    start(env: Record<string, string>, timeoutSeconds: number): Promise<EmulatedFunction>
  },
): Promise<void> {
  const proxies = {} as Record<Service, FaultProxy>
  for (const service of ['s3', 'dynamodb', 'kinesis'] as const)
    proxies[service] = await startFaultProxy(t, aws.endpoints[service])
  const endpoints = Object.entries(proxies).map(([service, { url }]) => [
    `AWS_ENDPOINT_URL_${service.toUpperCase()}`,
    url,
  ])
  const api = await start(Object.fromEntries(endpoints), TIMEOUT_SECONDS)
  const ask = async (call: Call) => {
    const event = httpApiEvent({ ...call, headers: { ...call.headers, ...user.auth } })
    try {
      const { answer, ms } = await api.invoke<APIGatewayProxyResult>(event)
      return { ...answer, ms }
    } catch (error) {
      // A failure must name the case, with the emulator's output for a function that timed out.
      if (!(error instanceof FunctionError)) throw error
      return { statusCode: 0, headers: {}, body: error.message, ms: error.ms }
    }
  }
  const { statusCode, body } = await ask(upload)
  t.equal(statusCode, 200, `before: ${body}`)
  const path = `/uploads/${(JSON.parse(body) as { uploadId: string }).uploadId}`

  const keyed = (key: string) => ({ ...upload, headers: { ...json, 'idempotency-key': key } })
  /** Requests by the service that they need, with the response while the service does not work. */
  const affected: Record<Service, Record<string, [(key: string) => Call, number]>> = {
    s3: {
      'an upload': [() => upload, 503],
      'a grant in parts': [
        () => ({ ...upload, path: '/uploads/grants', body: '{"filename":"a","contentType":"x/y","size":70000000}' }),
        503,
      ],
      'an upload with a key': [keyed, 503],
      'the state of an upload': [() => ({ method: 'GET', path }), 200],
    },
    dynamodb: {
      'an upload': [() => upload, 503],
      'an upload with a key': [keyed, 503],
      'the state of an upload': [() => ({ method: 'GET', path }), 503],
      'a list': [() => ({ method: 'GET', path: '/uploads' }), 503],
      readiness: [() => ({ method: 'GET', path: '/readyz' }), 503],
      liveness: [() => ({ method: 'GET', path: '/livez' }), 200],
    },
    kinesis: { 'an upload': [() => upload, 202], 'an upload with a key': [keyed, 202] },
  }

  for (const [fault, how] of [
    ['is down', reset],
    ['accepts and never answers', silence],
  ] as const) {
    for (const [service, calls] of Object.entries(affected) as Array<[Service, (typeof affected)[Service]]>) {
      const injected = proxies[service].inject(how)
      for (const [what, [call, status]] of Object.entries(calls)) {
        const name = `${service} ${fault}, ${what}`
        const answer = await ask(call(`${service}-${fault.length}`))
        t.equal(answer.statusCode, status, `${name}: ${answer.body}`)
        t.ok(answer.ms < TIMEOUT_SECONDS * 1_000, `${name}: answered after ${answer.ms} ms`)
        if (answer.statusCode !== 503 || what === 'readiness') continue
        t.match(answer.headers, { 'retry-after': /^\d+$/, 'content-type': 'application/problem+json' }, name)
        t.match(JSON.parse(answer.body), { type: 'urn:headgate:problem:unavailable' }, name)
      }
      injected.remove()
      const again = await ask(keyed(`${service}-${fault.length}`))
      t.match(
        again,
        { statusCode: service === 'kinesis' ? 202 : 200 },
        `${service}: with the same key, once it is back: ${again.body}`,
      )
    }
  }
}
