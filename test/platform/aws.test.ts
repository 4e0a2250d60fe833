import { DescribeTableCommand } from '@aws-sdk/client-dynamodb'
import { DescribeStreamSummaryCommand } from '@aws-sdk/client-kinesis'
import { HeadBucketCommand, type S3Client } from '@aws-sdk/client-s3'
import t from 'tap'
import { createAwsClients } from '../../services/platform/aws.ts'
import { names } from '../../services/platform/resources.ts'
import { startAws } from '../support/aws.ts'

/** Replaces the AWS variables of this process for as long as the test. */
function withEnv(t: { teardown(end: () => void): void }, env: Record<string, string>): void {
  const before = { ...process.env }
  for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) delete process.env[name]
  Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' }, env)
  t.teardown(() => {
    for (const name of Object.keys(process.env)) delete process.env[name]
    Object.assign(process.env, before)
  })
}

/** Returns the URL of a request for a bucket. The request is not sent. */
async function addressOf(s3: S3Client): Promise<string> {
  let address = ''
  s3.middlewareStack.add(
    () => async args => {
      const { protocol, hostname, path } = args.request as { protocol: string; hostname: string; path: string }
      address = `${protocol}//${hostname}${path}`
      return { response: {}, output: { $metadata: {} } }
    },
    { step: 'finalizeRequest', priority: 'low' },
  )
  await s3.send(new HeadBucketCommand({ Bucket: 'my-bucket' }))
  return address
}

const cases: Array<[string, Record<string, string>, string]> = [
  ['no endpoint of its own: AWS', {}, 'https://my-bucket.s3.eu-central-1.amazonaws.com/'],
  ['one for S3', { AWS_ENDPOINT_URL_S3: 'http://emulator:1' }, 'http://emulator/my-bucket'],
  ['one for all services', { AWS_ENDPOINT_URL: 'http://emulator:1' }, 'http://emulator/my-bucket'],
  [
    'an empty one for S3 beside one for all',
    { AWS_ENDPOINT_URL_S3: '', AWS_ENDPOINT_URL: 'http://emulator:1' },
    'http://emulator/my-bucket',
  ],
  ['one for another service alone', { AWS_ENDPOINT_URL_KINESIS: 'http://emulator:1' }, 'https://my-bucket.s3.'],
]

for (const [name, env, expected] of cases) {
  t.test(`puts the bucket into the path for a custom endpoint only: ${name}`, async t => {
    withEnv(t, env)
    const clients = createAwsClients({ region: 'eu-central-1' })
    t.teardown(() => clients.destroy())
    t.match(await addressOf(clients.s3), expected)
  })
}

t.test('all three clients use the endpoints of the SDK’s own settings', async t => {
  const aws = await startAws(t)
  withEnv(t, { ...aws.env })
  const { s3, kinesis, dynamodb, destroy } = createAwsClients({ region: aws.env.AWS_REGION ?? '', maxSockets: 2 })
  t.teardown(destroy)
  await s3.send(new HeadBucketCommand({ Bucket: names.uploadBucket }))
  const stream = await kinesis.send(new DescribeStreamSummaryCommand({ StreamName: names.stream }))
  t.equal(stream.StreamDescriptionSummary?.StreamName, names.stream)
  const { Table } = await dynamodb.send(new DescribeTableCommand({ TableName: names.uploadsTable }))
  t.equal(Table?.TableStatus, 'ACTIVE')
})
