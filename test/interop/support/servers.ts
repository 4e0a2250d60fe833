import type { Test } from 'tap'
import { startDynamoDbLocal } from '../../../bench/java/dynamodb-local.ts'
import type { ProgramName } from '../../../bench/java/programs.ts'
import { createLocalClients } from '../../../services/local/clients.ts'
import { startDynamoDb } from '../../../services/local/servers/dynamodb.ts'
import { startKinesis } from '../../../services/local/servers/kinesis.ts'
import type { AwsClients } from '../../../services/platform/aws.ts'

/** The versions of KCL. KCL 3 runs in its 2.x-compatible mode unless the name says that it runs in its own mode. */
export type KclVersion = 'kcl2' | 'kcl3' | 'kcl3-native' | 'kcl34-native'

/** How each version is started, and its name in the titles of tests. */
export const KCL = {
  kcl2: { program: 'kcl2', mode: '', title: 'KCL 2.7' },
  kcl3: { program: 'kcl3', mode: 'compatible', title: 'KCL 3.5 in its 2.x-compatible mode' },
  'kcl3-native': { program: 'kcl3', mode: 'native', title: 'KCL 3.5 in its own mode' },
  'kcl34-native': { program: 'kcl34', mode: 'native', title: 'KCL 3.4 in its own mode' },
} as const satisfies Record<KclVersion, { program: ProgramName; mode: string; title: string }>

export interface Servers extends Pick<AwsClients, 'kinesis' | 'dynamodb'> {
  readonly endpoints: { kinesis: string; dynamodb: string }
}

/**
 * Kinesis, and the DynamoDB that a version of KCL can work with, for as long as the test: KCL 3 adds an index to the lease
 * table by UpdateTable, which dynalite refuses without a provisioned throughput, also of a table that is paid by request.
 */
export async function startServers(t: Pick<Test, 'teardown'>, version: KclVersion): Promise<Servers> {
  const [kinesisPort, dynamodbPort] = await Promise.all([
    startKinesisFor(t),
    version === 'kcl2' ? startDynalite(t) : startDynamoDbLocal(t),
  ])
  const url = (port: number) => `http://127.0.0.1:${port}`
  const endpoints = { kinesis: url(kinesisPort), dynamodb: url(dynamodbPort) }
  const clients = createLocalClients({ ...endpoints, s3: 'http://127.0.0.1:9' })
  t.teardown(() => clients.destroy())
  return { kinesis: clients.kinesis, dynamodb: clients.dynamodb, endpoints }
}

async function startKinesisFor(t: Pick<Test, 'teardown'>): Promise<number> {
  const onFailure = (error: Error) => {
    throw error
  }
  const server = await startKinesis({ host: '127.0.0.1', port: 0, onFailure })
  t.teardown(() => server.stop())
  return server.port
}

async function startDynalite(t: Pick<Test, 'teardown'>): Promise<number> {
  const server = await startDynamoDb({ host: '127.0.0.1', port: 0 })
  t.teardown(() => server.stop())
  return server.port
}
