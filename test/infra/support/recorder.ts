import type { Test } from 'tap'
import { createLocalClients, type Endpoints } from '../../../services/local/clients.ts'
import type { AwsClients } from '../../../services/platform/aws.ts'
import type { TestAws } from '../../support/aws.ts'
import { startFaultProxy } from '../../support/fault-proxy.ts'
import { type Call, dynamoDbCall, dynamoDbKeyCalls, kinesisCall, kinesisKeyCalls, s3Call, s3KeyCalls } from './calls.ts'

/** Records every request that the code of a role sends to AWS. */
export interface Recorder {
  endpoints: Endpoints
  clients: AwsClients
  /** Each call once. */
  calls(): Call[]
  /** The calls to KMS that the services would make besides, if their data were encrypted with a key of the account. */
  keyCalls(): Call[]
}

/** Starts recording proxies in front of the embedded AWS, for the duration of the test. */
export async function startRecorder(t: Pick<Test, 'teardown'>, aws: TestAws): Promise<Recorder> {
  const calls = new Map<string, Call>()
  const keyCalls = new Map<string, Call>()
  const recordKey = (all: Call[]) => {
    for (const call of all) keyCalls.set(`${call.action} ${call.via}`, call)
  }
  const record = (call: Call) => calls.set(`${call.action} ${call.resource}`, call)
  const [s3, dynamodb, kinesis] = await Promise.all([
    startFaultProxy(t, aws.endpoints.s3),
    startFaultProxy(t, aws.endpoints.dynamodb),
    startFaultProxy(t, aws.endpoints.kinesis),
  ])
  s3.inject(async exchange => {
    const { method = '', url = '' } = exchange.request
    record(s3Call(method, url))
    recordKey(s3KeyCalls(method, url))
    const reply = await exchange.forward()
    // Without s3:ListBucket, S3 would answer 403 for a missing object.
    const isRead = method === 'GET' || method === 'HEAD'
    if (isRead && reply.statusCode === 404) record({ action: 's3:ListBucket', resource: bucketOf(s3Call(method, url)) })
    await exchange.relay(reply)
  })
  dynamodb.inject(async exchange => {
    const body = await exchange.body()
    const target = String(exchange.request.headers['x-amz-target'])
    record(dynamoDbCall(target, body))
    recordKey(dynamoDbKeyCalls(target))
    await exchange.relay(await exchange.forward(body))
  })
  kinesis.inject(async exchange => {
    const target = String(exchange.request.headers['x-amz-target'])
    record(kinesisCall(target))
    recordKey(kinesisKeyCalls(target))
    await exchange.pass()
  })
  const endpoints = { s3: s3.url, dynamodb: dynamodb.url, kinesis: kinesis.url }
  const clients = createLocalClients(endpoints)
  t.teardown(() => clients.destroy())
  return { endpoints, clients, calls: () => [...calls.values()], keyCalls: () => [...keyCalls.values()] }
}

function bucketOf({ resource }: Call): string {
  return resource.split('/')[0] ?? resource
}
