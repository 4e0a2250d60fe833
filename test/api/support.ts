import { randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { paginateQuery } from '@aws-sdk/client-dynamodb'
import { GetRecordsCommand, GetShardIteratorCommand, ListShardsCommand } from '@aws-sdk/client-kinesis'
import { GetObjectCommand, ListMultipartUploadsCommand, paginateListObjectsV2 } from '@aws-sdk/client-s3'
import { unmarshall } from '@aws-sdk/util-dynamodb'
import { pino } from 'pino'
import type { Test } from 'tap'
import type { Metrics } from '../../services/api/admin/metrics.ts'
import { type App, buildApp } from '../../services/api/app.ts'
import type { KeySource } from '../../services/api/auth/key-source.ts'
import { type ApiServices, createServices } from '../../services/api/services.ts'
import { account } from '../../services/local/account.ts'
import { createLocalClients, type Endpoints } from '../../services/local/clients.ts'
import { createAwsClients } from '../../services/platform/aws.ts'
import { type ApiConfig, apiConfigSchema } from '../../services/platform/config/api.ts'
import { loadConfig } from '../../services/platform/config/load.ts'
import { logOptions } from '../../services/platform/log.ts'
import type { TestAws } from '../support/aws.ts'

export interface Overrides {
  env?: Record<string, string>
  /** Replaces the endpoints of services. */
  endpoints?: Partial<Endpoints>
  /** Uses AWS clients with the timeouts of production. */
  ownClients?: boolean
  services?(services: ApiServices): ApiServices
  keys?: KeySource
  metrics?: Metrics
  isBuffered?: boolean
}

export interface TestApi {
  app: App
  config: ApiConfig
  /** `http://127.0.0.1:PORT` */
  url: string
  /** Every log line. */
  log: string[]
}

/** Starts the api on the embedded AWS, on a free port, until the test ends. */
export async function buildTestApi(
  t: Pick<Test, 'teardown'>,
  aws: TestAws,
  overrides: Overrides = {},
): Promise<TestApi> {
  const config = loadConfig(apiConfigSchema, { ...aws.env, ...overrides.env })
  const endpoints = { ...endpointsOf(aws), ...overrides.endpoints }
  const clients = overrides.ownClients ? createAwsClients({ ...account, endpoints }) : createLocalClients(endpoints)
  const services = createServices(config, undefined, clients)
  const log: string[] = []
  const logger = pino(logOptions({ level: 'debug', role: 'api' }), { write: line => log.push(line) })
  const app = await buildApp({
    config,
    services: async () => overrides.services?.(services) ?? services,
    logger,
    ...(overrides.keys && { keys: overrides.keys }),
    ...(overrides.metrics && { metrics: overrides.metrics }),
    ...(overrides.isBuffered && { isBuffered: true }),
  })
  t.teardown(() => app.close())
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  return { app, config, url: `http://127.0.0.1:${port}`, log }
}

function endpointsOf({ env }: TestAws): Endpoints {
  const at = (service: string) => env[`AWS_ENDPOINT_URL_${service}`] ?? ''
  return { s3: at('S3'), dynamodb: at('DYNAMODB'), kinesis: at('KINESIS') }
}

export interface Traces {
  objects: string[]
  openUploads: number
  records: Record<string, unknown>[]
}

export const NO_TRACES: Traces = { objects: [], openUploads: 0, records: [] }

/** A separate user, so that everything it leaves behind can be listed. */
export interface TestUser {
  sub: string
  idToken: string
  accessToken: string
  /** The header for the user's requests. */
  auth: { authorization: string }
  /** Lists what this user has in S3 and DynamoDB. */
  traces(): Promise<Traces>
}

export async function createTestUser(aws: TestAws): Promise<TestUser> {
  const { username, password } = await aws.createUser(`user-${randomUUID()}@example.com`)
  const { idToken, accessToken } = await aws.signIn(username, password)
  const [, payload = ''] = accessToken.split('.')
  const { sub } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { sub: string }
  return {
    sub,
    idToken,
    accessToken,
    auth: { authorization: `Bearer ${accessToken}` },
    traces: () => tracesOf(aws, sub),
  }
}

async function tracesOf({ s3, dynamodb, env }: TestAws, owner: string): Promise<Traces> {
  const where = { Bucket: env.UPLOAD_BUCKET, Prefix: `uploads/${owner}/` }
  const objects: string[] = []
  for await (const { Contents = [] } of paginateListObjectsV2({ client: s3 }, where)) {
    objects.push(...Contents.map(({ Key = '' }) => Key))
  }
  const { Uploads = [] } = await s3.send(new ListMultipartUploadsCommand(where))
  const records: Record<string, unknown>[] = []
  const query = {
    TableName: env.UPLOADS_TABLE,
    KeyConditionExpression: '#owner = :owner',
    ExpressionAttributeNames: { '#owner': 'owner' },
    ExpressionAttributeValues: { ':owner': { S: owner } },
    ConsistentRead: true,
  }
  for await (const { Items = [] } of paginateQuery({ client: dynamodb }, query)) {
    records.push(...Items.map(item => unmarshall(item)))
  }
  return { objects, openUploads: Uploads.length, records }
}

export interface StoredObject {
  bytes: Buffer
  contentType: string | undefined
  metadata: Record<string, string> | undefined
}

export async function readObject({ s3, env }: TestAws, key: string): Promise<StoredObject> {
  const reply = await s3.send(new GetObjectCommand({ Bucket: env.UPLOAD_BUCKET, Key: key }))
  const bytes = Buffer.from((await reply.Body?.transformToByteArray()) ?? [])
  return { bytes, contentType: reply.ContentType, metadata: reply.Metadata }
}

/** Reads all events on the stream. */
export async function readStream({ kinesis, env }: TestAws): Promise<Array<Record<string, unknown>>> {
  const StreamName = env.STREAM_NAME
  const { Shards = [] } = await kinesis.send(new ListShardsCommand({ StreamName }))
  const perShard = Shards.map(async ({ ShardId }) => {
    const { ShardIterator } = await kinesis.send(
      new GetShardIteratorCommand({ StreamName, ShardId, ShardIteratorType: 'TRIM_HORIZON' }),
    )
    const { Records = [] } = await kinesis.send(new GetRecordsCommand({ ShardIterator }))
    return Records.map(({ Data }) => JSON.parse(Buffer.from(Data ?? []).toString()) as Record<string, unknown>)
  })
  return (await Promise.all(perShard)).flat()
}

/** The parts of a response that tests check. */
export interface Answer {
  status: number
  headers: Headers
  body: Record<string, unknown>
}

/** Sends a request, and reads the JSON response. */
export async function ask(url: string, init: RequestInit & { duplex?: 'half' } = {}): Promise<Answer> {
  const response = await fetch(url, init)
  return { status: response.status, headers: response.headers, body: (await response.json()) as Answer['body'] }
}

/** Returns the S3 key of an accepted upload. */
export function keyOf({ body }: Answer): string {
  const { key } = (body.s3 ?? {}) as { key?: string }
  if (key === undefined) throw new Error(`The answer names no object: ${JSON.stringify(body)}`)
  return key
}

export function postJson({ url }: TestApi, user: Pick<TestUser, 'auth'>, body: unknown): Promise<Answer> {
  return ask(`${url}/uploads`, {
    method: 'POST',
    headers: { ...user.auth, 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
}

/** Asserts that a response is a problem of this kind. */
export function isProblem(t: Test, answer: Answer, status: number, slug: string, message = slug): void {
  t.equal(answer.status, status, `${message}: status`)
  t.equal(answer.headers.get('content-type'), 'application/problem+json', `${message}: content type`)
  t.match(
    answer.body,
    { type: `urn:headgate:problem:${slug}`, status, title: /\S/, detail: /\S/, instance: /^urn:headgate:request:\S+$/ },
    `${message}: body`,
  )
}

/** Waits until a condition holds that emits no event. */
export async function eventually(holds: () => Promise<boolean> | boolean, timeoutMs = 10_000): Promise<void> {
  const deadline = Date.now() + timeoutMs
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`It did not come to hold within ${timeoutMs} ms: ${holds}`)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}
