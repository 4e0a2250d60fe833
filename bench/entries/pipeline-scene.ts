import { devNull } from 'node:os'
import path from 'node:path'
import { setTimeout as pass } from 'node:timers/promises'
import { type DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb'
import { unmarshall } from '@aws-sdk/util-dynamodb'
import { createLocalClients } from '../../services/local/clients.ts'
import { signIn } from '../../services/local/cognito-wire.ts'
import { type EmbeddedAws, startEmbeddedAws } from '../../services/local/embedded-aws.ts'
import { names } from '../../services/platform/resources.ts'
import { type Child, startChild } from '../lib/child.ts'
import { BenchError } from '../lib/errors.ts'

/** The size of a pipeline. */
export interface Layout {
  shards: number
  workers: number
}

/** A processed upload. */
export interface DoneUpload {
  uploadId: string
  /** Epoch ms. */
  processedAt: number
}

/** The whole pipeline on the embedded AWS, each process with default settings. */
export interface Scene {
  aws: EmbeddedAws
  api: string
  token: string
  /** Rejects when one of the processes ends. */
  death: Promise<never>
  /** Resolves once this many uploads are processed in total. */
  untilProcessed(uploads: number): Promise<DoneUpload[]>
}

const EXTENSION = path.extname(import.meta.filename)
const START_TIMEOUT_MS = 90_000
const PROCESS_TIMEOUT_MS = 120_000
const LOOK_MS = 100

export async function startScene({ shards, workers }: Layout, onEnd: (close: () => unknown) => void): Promise<Scene> {
  const failed = Promise.withResolvers<never>()
  failed.promise.catch(() => undefined)
  const aws = await startEmbeddedAws({ shards, onFailure: failed.reject })
  onEnd(() => aws.stop())
  const { dynamodb, destroy } = createLocalClients(aws.endpoints)
  onEnd(destroy)
  const env = {
    ...aws.env,
    AWS_CONFIG_FILE: devNull,
    AWS_SHARED_CREDENTIALS_FILE: devNull,
    AWS_EC2_METADATA_DISABLED: 'true',
    HOST: '127.0.0.1',
    PORT: '0',
    NODE_ENV: 'production',
    // The embedded Kinesis can be slow. A late event must delay the response, not change it to 202.
    EVENT_PUT_TIMEOUT_MS: '25000',
  }
  const start = (name: string, room: string): Child => {
    const entry = path.resolve(import.meta.dirname, `../../services/${room}${EXTENSION}`)
    const child = startChild({ name, entry, env })
    onEnd(() => child.stop())
    return child
  }
  const api = start('api', 'api/server')
  const fleet = Array.from({ length: workers }, (_, n) => start(`worker ${n + 1}`, 'worker/worker'))
  const [port] = await Promise.all([api.waitFor<number>('listening'), untilShared(dynamodb, { shards, workers })])
  const clientId = aws.env.COGNITO_CLIENT_ID ?? ''
  const { accessToken } = await signIn(aws.endpoints.cognito, { clientId, ...aws.user })
  return {
    aws,
    api: `http://127.0.0.1:${port}`,
    token: accessToken,
    death: Promise.race([failed.promise, api.death, ...fleet.map(({ death }) => death)]),
    untilProcessed: uploads => untilProcessed(dynamodb, uploads),
  }
}

/** Resolves once every shard is read, by as many workers as can have one. */
async function untilShared(dynamodb: DynamoDBClient, { shards, workers }: Layout): Promise<void> {
  await eventually(`${shards} shards among ${workers} workers`, START_TIMEOUT_MS, async () => {
    try {
      const { Items = [] } = await dynamodb.send(
        new ScanCommand({ TableName: names.application, ConsistentRead: true }),
      )
      const owners = Items.flatMap(({ leaseOwner }) => leaseOwner?.S ?? [])
      return owners.length === shards && new Set(owners).size === Math.min(shards, workers)
    } catch (error) {
      // The first worker creates the table.
      if (error instanceof Error && error.name === 'ResourceNotFoundException') return false
      throw error
    }
  })
}

async function untilProcessed(dynamodb: DynamoDBClient, uploads: number): Promise<DoneUpload[]> {
  let done: DoneUpload[] = []
  await eventually(`${uploads} uploads to be processed`, PROCESS_TIMEOUT_MS, async () => {
    done = await readProcessed(dynamodb)
    return done.length >= uploads
  })
  return done
}

async function readProcessed(dynamodb: DynamoDBClient): Promise<DoneUpload[]> {
  const query = {
    TableName: names.uploadsTable,
    ConsistentRead: true,
    FilterExpression: '#status = :processed',
    ProjectionExpression: 'uploadId, updatedAt',
    ExpressionAttributeNames: { '#status': 'status' },
    ExpressionAttributeValues: { ':processed': { S: 'processed' } },
  }
  const { Items = [], LastEvaluatedKey } = await dynamodb.send(new ScanCommand(query))
  if (LastEvaluatedKey) throw new BenchError('The table has more uploads than one page of a scan.')
  return Items.map(item => {
    const { uploadId, updatedAt } = unmarshall(item)
    return { uploadId, processedAt: Date.parse(updatedAt) }
  })
}

async function eventually(what: string, timeoutMs: number, holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + timeoutMs
  while (!(await holds())) {
    if (performance.now() > deadline) throw new BenchError(`Timed out after ${timeoutMs} ms waiting for ${what}.`)
    await pass(LOOK_MS)
  }
}
