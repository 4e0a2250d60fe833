import { hash } from 'node:crypto'
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { S3Client } from '@aws-sdk/client-s3'
import { HttpRequest } from '@smithy/core/protocols'
import t from 'tap'
import { createSigner } from '../../../services/platform/direct/sigv4.ts'
import { seededRandom } from '../../uploads/examples.ts'

const scope = { region: 'eu-central-1', signingRegion: 'eu-central-1' }
const secrets = [
  { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' },
  { accessKeyId: 'ASIAEXAMPLE', secretAccessKey: 'other', sessionToken: 'a/session+token==' },
]

/** Returns the headers of the SDK's own signer for the same credentials. */
async function sdkSigner(service: 's3' | 'dynamodb', credentials: (typeof secrets)[number]) {
  const settings = { region: scope.region, credentials }
  const { config } = service === 's3' ? new S3Client(settings) : new DynamoDBClient(settings)
  return config.signer({ name: 'sigv4', signingName: service, signingRegion: scope.region, properties: {} })
}

function randomRequest(random: () => number, service: 's3' | 'dynamodb') {
  const pick = (from: string, length: number) =>
    Array.from({ length }, () => from.charAt(Math.floor(random() * from.length))).join('')
  const body = Buffer.from(pick('abc{}" ü', Math.floor(random() * 300)))
  const key =
    ['naïve (1)*.txt', "it's!.txt", 'a b+c&d=e?f#g', '語~_-.', pick('ab /%é', 12)][Math.floor(random() * 5)] ?? ''
  const escaped = encodeURIComponent(key)
    .replaceAll('%2F', '/')
    .replace(/[!'()*]/g, character => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
  return {
    method: service === 's3' ? 'PUT' : 'POST',
    query: service === 's3' ? { uploadId: pick('a+/=&ü ', 6), partNumber: String(Math.ceil(random() * 99)) } : {},
    path: service === 's3' ? `/bucket/${escaped}` : '/',
    body,
    headers: {
      host: 'example.com:8000',
      'content-type': `text/plain;  charset=${pick('abc', 4)} `,
      'content-length': String(body.length),
      'user-agent': 'headgate',
      'x-amz-content-sha256': hash('sha256', body),
      'x-amz-meta-filename': pick('ab  c', 8),
      'x-amz-target': pick('xyz', 5),
    },
  }
}

for (const service of ['s3', 'dynamodb'] as const) {
  t.test(`signs a request of ${service} as the SDK does`, async t => {
    const random = seededRandom(7)
    const sign = createSigner({ region: scope.region, service })
    for (let round = 0; round < 200; round++) {
      const credentials = secrets[round % 2] ?? secrets[0]
      if (!credentials) throw new Error('no credentials')
      // The signing key changes with the day.
      const date = new Date(Date.UTC(2026, 10, 1 + (round % 7), 12, 30, round % 60))
      const { method, path, query, body, headers } = randomRequest(random, service)
      const own = sign({ method, path, query, headers, payloadHash: hash('sha256', body) }, credentials, date)
      const signer = await sdkSigner(service, credentials)
      const request = new HttpRequest({
        method,
        protocol: 'https:',
        hostname: 'example.com',
        port: 8000,
        path,
        query,
        headers,
        body,
      })
      // The SDK signs Content-Length and this signer does not, so the header is removed for both.
      const { 'content-length': _, ...rest } = headers
      const theirs = await signer.sign(new HttpRequest({ ...request, headers: rest }), { signingDate: date })
      t.equal(own.authorization, theirs.headers.authorization, JSON.stringify({ round, path, headers }))
      t.equal(own['x-amz-security-token'], theirs.headers['x-amz-security-token'])
    }
  })
}
