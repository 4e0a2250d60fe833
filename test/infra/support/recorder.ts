import type { Test } from 'tap'
import { createLocalClients, type Endpoints } from '../../../services/local/clients.ts'
import type { AwsClients } from '../../../services/platform/aws.ts'
import type { TestAws } from '../../support/aws.ts'
import { startFaultProxy } from '../../support/fault-proxy.ts'
import { type Call, dynamoDbCall, kinesisCall, s3Call } from './calls.ts'

/** Sees every request that a role sends to AWS on the wire, whoever in it makes it. */
export interface Recorder {
  endpoints: Endpoints
  clients: AwsClients
  /** Each once. */
  calls(): Call[]
}

/** Proxies in front of the embedded AWS, as long as the test. */
export async function startRecorder(t: Pick<Test, 'teardown'>, aws: TestAws): Promise<Recorder> {
  const calls = new Map<string, Call>()
  const record = (call: Call) => calls.set(`${call.action} ${call.resource}`, call)
  const [s3, dynamodb, kinesis] = await Promise.all([
    startFaultProxy(t, aws.endpoints.s3),
    startFaultProxy(t, aws.endpoints.dynamodb),
    startFaultProxy(t, aws.endpoints.kinesis),
  ])
  s3.inject(async exchange => {
    const { method = '', url = '' } = exchange.request
    record(s3Call(method, url))
    const reply = await exchange.forward()
    // Who may not list a bucket is not told what is missing in it: there the answer would be 403.
    const isRead = method === 'GET' || method === 'HEAD'
    if (isRead && reply.statusCode === 404) record({ action: 's3:ListBucket', resource: bucketOf(s3Call(method, url)) })
    await exchange.relay(reply)
  })
  dynamodb.inject(async exchange => {
    const body = await exchange.body()
    record(dynamoDbCall(String(exchange.request.headers['x-amz-target']), body))
    await exchange.relay(await exchange.forward(body))
  })
  kinesis.inject(async exchange => {
    record(kinesisCall(String(exchange.request.headers['x-amz-target'])))
    await exchange.pass()
  })
  const endpoints = { s3: s3.url, dynamodb: dynamodb.url, kinesis: kinesis.url }
  const clients = createLocalClients(endpoints)
  t.teardown(() => clients.destroy())
  return { endpoints, clients, calls: () => [...calls.values()] }
}

function bucketOf({ resource }: Call): string {
  return resource.split('/')[0] ?? resource
}
