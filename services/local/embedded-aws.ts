import { names } from '../platform/resources.ts'
import { account, userPoolDefinition } from './account.ts'
import { createLocalClients, type Endpoints } from './clients.ts'
import { type CognitoServer, startCognito } from './cognito/index.ts'
import { openDataDir } from './data-dir.ts'
import { once } from './once.ts'
import { createResources } from './resources/index.ts'
import { startDynamoDb } from './servers/dynamodb.ts'
import { startKinesis } from './servers/kinesis.ts'
import { startS3 } from './servers/s3.ts'
import { reachableHost, type ServiceName } from './servers/server.ts'
import { createStarter } from './servers/starter.ts'
import { startAll, stopAll } from './start-all.ts'

export interface EmbeddedAwsSettings {
  /** The address that every server listens on. Default: 127.0.0.1. */
  host?: string
  /** Default: those that the data directory had before, else free ones. */
  ports?: Partial<Record<ServiceName, number>>
  /** Keeps everything across restarts. Left out: everything is in memory and gone at the end. */
  dataDir?: string
  /** The origin in the issuer of tokens, where it is not the one that the Cognito server is reached at from here. */
  issuerOrigin?: string
  /** Of the stream, when it is created. Default: as in the account. */
  shards?: number
  /** A server ended by itself. Default: the error is thrown, and nothing catches it. */
  onFailure?: (error: Error) => void
  /** Something that people should know, in a sentence. Default: it goes to stderr. */
  onNotice?: (notice: string) => void
}

/** S3, DynamoDB, Kinesis and Cognito on this machine, with everything in them that Headgate owns in an account. */
export interface EmbeddedAws {
  /** What the api and the worker find it by: endpoints, credentials and the names of the resources. */
  readonly env: Readonly<Record<string, string>>
  readonly endpoints: Readonly<Endpoints & { cognito: string }>
  /** The demo user, confirmed. */
  readonly user: { readonly username: string; readonly password: string }
  readonly cognito: CognitoServer
  /** The processes of the servers that have one of their own. */
  readonly pids: Readonly<{ s3: number | undefined; kinesis: number | undefined }>
  /** Ends every server. Resolves when what is kept is on disk. */
  stop(): Promise<void>
}

/**
 * Starts the embedded AWS. Resolves when every resource is ready for use; where that fails, what had started is stopped.
 *
 * @throws PortTakenError, EmbeddedAwsError
 */
export async function startEmbeddedAws(settings: EmbeddedAwsSettings = {}): Promise<EmbeddedAws> {
  const {
    host = '127.0.0.1',
    ports = {},
    issuerOrigin,
    shards,
    onFailure = throwError,
    onNotice = console.error,
  } = settings
  const data = settings.dataDir === undefined ? undefined : openDataDir(settings.dataDir)
  const start = createStarter({
    host,
    ports,
    remembered: data?.ports ?? {},
    onMove: (service, notice) => {
      const losesTokens = service === 'cognito' && issuerOrigin === undefined
      onNotice(losesTokens ? `${notice} Tokens from before are refused from now on: sign in again.` : notice)
    },
  })
  const release = async () => data?.release()

  const [s3, dynamodb, kinesis, cognito] = await startAll(
    [
      start('s3', at => startS3({ ...at, dataDir: data?.folder('s3'), onFailure })),
      start('dynamodb', at => startDynamoDb({ ...at, dataDir: data?.folder('dynamodb') })),
      start('kinesis', at => startKinesis({ ...at, dataDir: data?.folder('kinesis'), onFailure })),
      start('cognito', at =>
        startCognito({
          ...at,
          pools: [userPoolDefinition],
          ...(data ? { file: `${data.folder('cognito')}/cognito.json` } : {}),
          ...(issuerOrigin === undefined ? {} : { issuerOrigin }),
        }),
      ),
    ],
    release,
  )
  const stop = () => stopAll([s3, dynamodb, kinesis, cognito, { stop: release }])

  const url = (port: number) => `http://${reachableHost(host)}:${port}`
  const endpoints = {
    s3: url(s3.port),
    dynamodb: url(dynamodb.port),
    kinesis: url(kinesis.port),
    cognito: url(cognito.port),
  }
  const clients = createLocalClients(endpoints)
  try {
    data?.remember({ s3: s3.port, dynamodb: dynamodb.port, kinesis: kinesis.port, cognito: cognito.port })
    await createResources({ clients, cognitoUrl: endpoints.cognito, shards })
  } catch (error) {
    await stop()
    throw error
  } finally {
    clients.destroy()
  }

  return {
    env: Object.freeze({
      AWS_REGION: account.region,
      AWS_ACCESS_KEY_ID: account.credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: account.credentials.secretAccessKey,
      AWS_ENDPOINT_URL_S3: endpoints.s3,
      AWS_ENDPOINT_URL_KINESIS: endpoints.kinesis,
      AWS_ENDPOINT_URL_DYNAMODB: endpoints.dynamodb,
      AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER: endpoints.cognito,
      UPLOAD_BUCKET: names.uploadBucket,
      PROCESSED_BUCKET: names.processedBucket,
      STREAM_NAME: names.stream,
      UPLOADS_TABLE: names.uploadsTable,
      COGNITO_USER_POOL_ID: account.userPoolId,
      COGNITO_CLIENT_ID: account.userPoolClientId,
      COGNITO_ISSUER: cognito.issuer(account.userPoolId),
      // The embedded S3 refuses bodies over 11 MiB, and it keeps a checksum without looking at the bytes.
      GRANT_PARTS_ABOVE_BYTES: String(10 * 1024 ** 2),
      S3_CHECKSUMS: 'unchecked',
    }),
    endpoints,
    user: account.demoUser,
    cognito,
    pids: { s3: s3.pid, kinesis: kinesis.pid },
    stop: once(stop),
  }
}

function throwError(error: Error): void {
  throw error
}
