import type { APIGatewayProxyResult } from 'aws-lambda'
import type { Test } from 'tap'
import { readObject, type TestUser } from '../../../api/support.ts'
import type { TestAws } from '../../../support/aws.ts'
import type { EmulatedFunction } from '../emulator.ts'

/** An event of API Gateway, and the response that a client behind the gateway must get. */
export interface GatewayCase {
  event: unknown
  status: number
  /** The problem's type, without `urn:headgate:problem:`. */
  problem?: string
  /** A pattern for the JSON body, as for `t.match`. */
  body?: unknown
  /** Patterns for the headers. */
  headers?: Record<string, string | RegExp>
  /** The bytes of the upload's object. */
  stored?: Buffer
  /** The body, if it is not JSON. */
  text?: string | RegExp
  isBase64Encoded?: boolean
}

/** The values that the cases of both payload versions use. */
export interface GatewayScene {
  aws: TestAws
  user: TestUser
  api: EmulatedFunction
}

/** Invokes the function with the event, and compares the response with the case. Resolves to the response. */
export async function holdToCase(t: Test, { aws, api }: GatewayScene, name: string, expected: GatewayCase) {
  const { answer } = await api.invoke<APIGatewayProxyResult>(expected.event)
  const { statusCode, headers = {}, body, isBase64Encoded } = answer
  t.equal(statusCode, expected.status, `${name}: status, with the body ${body.slice(0, 300)}`)
  t.equal(isBase64Encoded, expected.isBase64Encoded ?? false, `${name}: isBase64Encoded`)
  // API Gateway responds with 502 if a header of the response is not a string.
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
