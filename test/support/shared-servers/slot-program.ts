/**
 * A process with an embedded AWS for one test file after the other. Each AWS is empty: S3, DynamoDB and Cognito are new, and all streams of
 * Kinesis are deleted. That takes a fraction of the processor time of new processes, which load and compile the same modules.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { paginateListStreams } from '@aws-sdk/client-kinesis'
import { createLocalClients } from '../../../services/local/clients.ts'
import { startCognito } from '../../../services/local/cognito/index.ts'
import { generateSigningKey } from '../../../services/local/cognito/keys.ts'
import { cognitoSettings, type EmbeddedAws, openEmbeddedAws } from '../../../services/local/embedded-aws.ts'
import { liveForParent } from '../../../services/local/servers/child-life.ts'
import type { ServerListening } from '../../../services/local/servers/child-messages.ts'
import { startDynamoDb } from '../../../services/local/servers/dynamodb.ts'
import { startKinesis } from '../../../services/local/servers/kinesis.ts'
import { stopAll } from '../../../services/local/start-all.ts'
import { LOOPBACK_ORIGINS } from '../../../services/platform/origins.ts'
import { deleteStream } from '../delete-stream.ts'
import type { FromHost, LeaseSettings } from './messages.ts'

const HOST = '127.0.0.1'
/** The tests create hundreds of users, whose passwords protect nothing. With the default, each user takes 120 ms of processor time. */
const PASSWORD_COST = 1_024
const AT = { host: HOST, port: 0 }

// An error that nobody catches ends this process, and the host reports that. The children end with this process.
const onFailure = (error: Error) => {
  throw error
}

const s3 = startS3Process()
const kinesis = startKinesis({ ...AT, onFailure })
/** All pools of this process sign with one key. The issuer of their tokens differs, and so do their users. */
const signingKey = generateSigningKey()
let current: EmbeddedAws | undefined

/** Replaces the AWS by an empty one. */
async function open({ shards, corsOrigins = LOOPBACK_ORIGINS }: LeaseSettings): Promise<EmbeddedAws> {
  await current?.stop()
  const { pools, ...settings } = cognitoSettings(corsOrigins)
  const key = await signingKey
  const ownPools = pools.map(pool => ({ ...pool, signingKey: key }))
  const [s3Port, dynamodb, { port: kinesisPort }, cognito] = await Promise.all([
    s3.replace(),
    startDynamoDb(AT),
    kinesis,
    startCognito({ ...settings, pools: ownPools, ...AT, passwordCost: PASSWORD_COST }),
  ])
  await deleteStreams(kinesisPort)
  const servers = { s3: { port: s3Port }, dynamodb, kinesis: { port: kinesisPort }, cognito }
  current = await openEmbeddedAws(servers, {
    host: HOST,
    shards,
    corsOrigins,
    stop: () => stopAll([cognito, dynamodb]),
  })
  return current
}

/** Starts the process of S3, which replaces its server each time that it is asked. */
function startS3Process() {
  const child = fork(path.resolve(import.meta.dirname, 's3-program.ts'))
  child.once('exit', (code, signal) => {
    throw new Error(`The shared S3 server ended by itself (${signal ?? `exit code ${code}`})`)
  })
  return {
    /** Resolves to the port of the new server. */
    async replace(): Promise<number> {
      child.send('replace')
      const [message] = (await once(child, 'message')) as [ServerListening]
      return message.port
    },
  }
}

async function deleteStreams(port: number): Promise<void> {
  const nowhere = 'http://127.0.0.1:9'
  const { kinesis, destroy } = createLocalClients({ s3: nowhere, dynamodb: nowhere, kinesis: `http://${HOST}:${port}` })
  const names: string[] = []
  for await (const { StreamNames = [] } of paginateListStreams({ client: kinesis }, {})) names.push(...StreamNames)
  await Promise.all(names.map(name => deleteStream(kinesis, name)))
  destroy()
}

liveForParent(() => process.exit(0))
process.on('message', message => {
  const { lease } = message as { lease?: LeaseSettings }
  if (lease === undefined) return
  open(lease).then(
    ({ env, endpoints, user }) => process.send?.({ aws: { env, endpoints, user } } satisfies FromHost),
    onFailure,
  )
})
