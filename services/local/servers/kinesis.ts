import { createRequire } from 'node:module'
import path from 'node:path'
import { type ChildServer, type ChildServerSettings, startChildServer } from './child-process.ts'
import { labels, PERSIST_FILE } from './kinesis-labels.ts'

/**
 * Starts Kinesis, which is kinesis-local, in its own process.
 *
 * @throws the errors of startChildServer
 */
export function startKinesis(settings: ChildServerSettings): Promise<ChildServer> {
  return startChildServer({ title: 'Kinesis', file: 'kinesis-child', env: environment(settings) }, settings)
}

const TRANSITIONS = [
  'CREATE_STREAM_DURATION',
  'DELETE_STREAM_DURATION',
  'REGISTER_STREAM_CONSUMER_DURATION',
  'DEREGISTER_STREAM_CONSUMER_DURATION',
  'START_STREAM_ENCRYPTION_DURATION',
  'STOP_STREAM_ENCRYPTION_DURATION',
  'MERGE_SHARDS_DURATION',
  'SPLIT_SHARD_DURATION',
  'UPDATE_SHARD_COUNT_DURATION',
  'UPDATE_STREAM_MODE_DURATION',
]

function environment({ dataDir }: ChildServerSettings): NodeJS.ProcessEnv {
  const program = createRequire(import.meta.url).resolve('kinesis-local')
  return {
    ...process.env,
    ...Object.fromEntries(TRANSITIONS.map(name => [name, '10ms'])),
    KINESIS_MOCK_PLAIN_PORT: String(labels.plain),
    KINESIS_MOCK_TLS_PORT: String(labels.tls),
    KINESIS_MOCK_CERT_PATH: path.join(path.dirname(program), 'server.json'),
    LOG_LEVEL: 'ERROR',
    ROOT_LOG_LEVEL: 'ERROR',
    SHARD_LIMIT: '500',
    SHOULD_PERSIST_DATA: String(dataDir !== undefined),
    LOAD_DATA_IF_EXISTS: 'true',
    PERSIST_PATH: dataDir ?? '',
    PERSIST_FILE_NAME: PERSIST_FILE,
    PERSIST_INTERVAL: '1s',
  }
}
