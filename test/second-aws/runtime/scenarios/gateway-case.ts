import type { APIGatewayProxyResult } from 'aws-lambda'
import type { Test } from 'tap'
import { readObject, type TestUser } from '../../../api/support.ts'
import type { TestAws } from '../../../support/aws.ts'
import type { EmulatedFunction } from '../emulator.ts'

/** One event of API Gateway, and the answer that a client behind the gateway has to get. */
export interface GatewayCase {
  event: unknown
  status: number
  /** The problem's type, without `urn:headgate:problem:`. */
  problem?: string
  /** What the JSON of the body has, as `t.match` compares it. */
  body?: unknown
  /** What the headers have. */
  headers?: Record<string, string | RegExp>
  /** The bytes of the object that the upload was stored as. */
  stored?: Buffer
  /** What the body is where it is not JSON. */
  text?: string | RegExp
  isBase64Encoded?: boolean
}

/** What the cases of both payload versions are made with. */
export interface GatewayScene {
  aws: TestAws
  user: TestUser
  api: EmulatedFunction
}

/** Calls the function with the event and holds its answer to the case. Resolves to the answer. */
export async function holdToCase(t: Test, { aws, api }: GatewayScene, name: string, expected: GatewayCase) {
  const { answer } = await api.invoke<APIGatewayProxyResult>(expected.event)
  const { statusCode, headers = {}, body, isBase64Encoded } = answer
  t.equal(statusCode, expected.status, `${name}: status, with the body ${body.slice(0, 300)}`)
  t.equal(isBase64Encoded, expected.isBase64Encoded ?? false, `${name}: isBase64Encoded`)
  // API Gateway answers 502 to an answer with a header that is not a string.
  const others = Object.entries(headers).filter(([, value]) => typeof value !== 'string')
  t.strictSame(others, [], `${name}: headers that are not strings`)
  t.match(headers, { 'x-request-id': /\S/, ...expected.headers }, `${name}: headers`)
  if (expected.problem !== undefined) {
    t.equal(headers['content-type'], 'application/problem+json', `${name}: content type`)
    const type = `urn:headgate:problem:${expected.problem}`
    t.match(JSON.parse(body), { type, status: expected.status, detail: /\S/ }, `${name}: problem`)
  }
  if (expected.body !== undefined) t.match(JSON.parse(body), expected.body, `${name}: body`)
  if (expected.text !== undefined) t.match(body, expected.text, `${name}: body`)
  if (expected.stored !== undefined && statusCode === 200) {
    const { s3 } = JSON.parse(body) as { s3: { key: string } }
    const { bytes } = await readObject(aws, s3.key)
    t.ok(
      bytes.equals(expected.stored),
      `${name}: stored ${bytes.toString('hex')}, not ${expected.stored.toString('hex')}`,
    )
  }
  return answer
}
