import type { APIGatewayProxyEventV2 } from 'aws-lambda'

/** Returns an upload as JSON, in the event format of an HTTP API. */
export function httpUpload(token: string, upload = { filename: 'demo.txt', content: 'hello kinesis' }) {
  const method = 'POST'
  const path = '/uploads'
  return {
    version: '2.0',
    routeKey: '$default',
    rawPath: path,
    rawQueryString: '',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    requestContext: {
      accountId: '123456789012',
      apiId: 'abc123',
      domainName: 'abc123.execute-api.us-east-1.amazonaws.com',
      domainPrefix: 'abc123',
      http: { method, path, protocol: 'HTTP/1.1', sourceIp: '203.0.113.7', userAgent: 'curl/8.5.0' },
      requestId: 'JKJaXmPLvHcESHA=',
      routeKey: '$default',
      stage: '$default',
      time: '23/Nov/2026:06:30:00 +0000',
      timeEpoch: 1_795_415_400_000,
    },
    body: JSON.stringify(upload),
    isBase64Encoded: false,
  } satisfies APIGatewayProxyEventV2
}
