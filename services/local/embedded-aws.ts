import { LOOPBACK_ORIGINS } from '../platform/origins.ts'
import { names } from '../platform/resources.ts'
import { account, userPoolDefinition } from './account.ts'
import { createLocalClients, type Endpoints } from './clients.ts'
import { type CognitoServer, startCognito } from './cognito/index.ts'
import { openDataDir } from './data-dir.ts'
import { type EventBridgeServer, startEventBridge } from './eventbridge/index.ts'
import { once } from './once.ts'
import { createResources } from './resources/index.ts'
import { startDynamoDb } from './servers/dynamodb.ts'
import { startKinesis } from './servers/kinesis.ts'
import { startS3 } from './servers/s3.ts'
import { reachableHost, type ServiceName, startError } from './servers/server.ts'
import { type PortSettings, startAtPort } from './servers/start-at-port.ts'
import { startAll, stopAll } from './start-all.ts'

export interface EmbeddedAwsSettings {
  /**
   * The address that every server listens on.
   * @default 127.0.0.1
   */
  host?: string
  /**
   * The ports of the servers; 0 means a free port.
   * @default the ports that the data directory remembers, or free ports
   */
  ports?: Partial<Record<ServiceName, number>>
  /** The port of EventBridge. @default a free port */
  eventBridgePort?: number
  /** The folder that keeps all data across restarts. Without a folder, all data is in memory. */
  dataDir?: string
  /**
   * The origin in the issuer of tokens, if clients reach the Cognito server by another origin than this process does.
   */
  issuerOrigin?: string
  /**
   * The number of shards of the stream when it is created.
   * @default the number in services/platform/resources.ts
   */
  shards?: number | undefined
  /**
   * The origins whose pages may use S3 and Cognito from a browser, as in CORS_ORIGINS.
   * @default pages that this machine serves, on any port
   */
  corsOrigins?: readonly string[] | undefined
  /**
   * Called when a server ends by itself.
   * @default throws the error, which ends the process
   */
  onFailure?: (error: Error) => void
  /**
   * Called with a sentence that the operator should read.
   * @default writes it to stderr
   */
  onNotice?: (notice: string) => void
}

/** S3, DynamoDB, Kinesis, Cognito and EventBridge on this machine, with every resource that Headgate owns in an account. */
export interface EmbeddedAws {
  /** Environment variables for the api and the worker: endpoints, credentials and the names of the resources. */
  readonly env: Readonly<Record<string, string>>
  readonly endpoints: Readonly<Endpoints & { cognito: string }>
  /** The demo user, whose sign-up is confirmed. */
  readonly user: { readonly username: string; readonly password: string }
  readonly cognito: CognitoServer
  /** The process ids of the servers that run in their own process. */
  readonly pids: Readonly<{ s3: number | undefined; kinesis: number | undefined }>
  /** Stops every server. Resolves when all data is on disk. */
  stop(): Promise<void>
}

/**
 * Starts the embedded AWS. Resolves when every resource is ready. If the start fails, the servers that had started are
 * stopped.
 *
 * @throws PortTakenError, EmbeddedAwsError
 */
export async function startEmbeddedAws(settings: EmbeddedAwsSettings = {}): Promise<EmbeddedAws> {
  const {
    host = '127.0.0.1',
    ports = {},
    eventBridgePort,
    issuerOrigin,
    shards,
    corsOrigins = LOOPBACK_ORIGINS,
    onFailure = throwError,
    onNotice = console.error,
  } = settings
  const data = settings.dataDir === undefined ? undefined : openDataDir(settings.dataDir)
  const portSettings: PortSettings = {
    host,
    ports,
    remembered: data?.ports ?? {},
    onMove: (service, notice) => {
      const losesTokens = service === 'cognito' && issuerOrigin === undefined
      onNotice(losesTokens ? `${notice} Tokens that were issued before are now rejected: sign in again.` : notice)
    },
  }
  const release = async () => data?.release()

  const [s3, dynamodb, kinesis, cognito] = await startAll(
    [
      startAtPort('s3', portSettings, address => startS3({ ...address, dataDir: data?.folder('s3'), onFailure })),
      startAtPort('dynamodb', portSettings, address =>
        startDynamoDb({ ...address, dataDir: data?.folder('dynamodb') }),
      ),
      startAtPort('kinesis', portSettings, address =>
        startKinesis({ ...address, dataDir: data?.folder('kinesis'), onFailure }),
      ),
      startAtPort('cognito', portSettings, address =>
        startCognito({
          ...cognitoSettings(corsOrigins),
          ...address,
          ...(data ? { file: `${data.folder('cognito')}/cognito.json` } : {}),
          ...(issuerOrigin === undefined ? {} : { issuerOrigin }),
        }),
      ),
    ],
    release,
  )
  const servers = { s3, dynamodb, kinesis, cognito }
  const stop = () => stopAll([s3, dynamodb, kinesis, cognito, { stop: release }])
  try {
    data?.remember({ s3: s3.port, dynamodb: dynamodb.port, kinesis: kinesis.port, cognito: cognito.port })
  } catch (error) {
    await stop()
    throw error
  }
  const eventBridgeFile = data && `${data.folder('eventbridge')}/rules.json`
  return openEmbeddedAws(servers, { host, shards, corsOrigins, eventBridgePort, eventBridgeFile, stop })
}

/** Returns the settings of Cognito that depend on the origins whose pages may use it. */
export function cognitoSettings(corsOrigins: readonly string[]) {
  return {
    pools: [userPoolDefinition],
    corsOrigins,
    // The sign-in pages may also return to programs of this machine, such as a command line that waits for the code.
    callbackOrigins: [...LOOPBACK_ORIGINS, ...corsOrigins.filter(origin => origin !== '*')],
  }
}

/** The running servers of an embedded AWS. */
export interface AwsServers {
  s3: { port: number; pid?: number | undefined }
  dynamodb: { port: number }
  kinesis: { port: number; pid?: number | undefined }
  cognito: CognitoServer
}

interface OpenSettings {
  host: string
  shards?: number | undefined
  corsOrigins: readonly string[]
  /** @default a free port */
  eventBridgePort?: number | undefined
  /** The file that keeps the rules of EventBridge. @default they are in memory */
  eventBridgeFile?: string | undefined
  stop(): Promise<void>
}

/**
 * Creates the resources on running servers, starts EventBridge, which needs Kinesis, and resolves to the AWS that they form. If that fails,
 * the servers are stopped.
 */
export async function openEmbeddedAws(
  { s3, dynamodb, kinesis, cognito }: AwsServers,
  { host, shards, corsOrigins, eventBridgePort = 0, eventBridgeFile, stop: stopServers }: OpenSettings,
): Promise<EmbeddedAws> {
  const url = (port: number) => `http://${reachableHost(host)}:${port}`
  const endpoints = {
    s3: url(s3.port),
    dynamodb: url(dynamodb.port),
    kinesis: url(kinesis.port),
    cognito: url(cognito.port),
  }
  const clients = createLocalClients(endpoints)
  let eventBridge: EventBridgeServer | undefined
  const stop = async () => {
    // EventBridge is a client of Kinesis, so it stops first.
    await stopAll([{ stop: async () => eventBridge?.stop() }, { stop: async () => clients.destroy() }])
    await stopServers()
  }
  try {
    const settings = { host, port: eventBridgePort, kinesis: clients.kinesis, file: eventBridgeFile }
    eventBridge = await startEventBridge(settings).catch(cause => {
      throw startError('eventbridge', eventBridgePort, cause)
    })
    await createResources({ clients, cognitoUrl: endpoints.cognito, shards, corsOrigins })
  } catch (error) {
    await stop()
    throw error
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
      AWS_ENDPOINT_URL_EVENTBRIDGE: url(eventBridge.port),
      UPLOAD_BUCKET: names.uploadBucket,
      PROCESSED_BUCKET: names.processedBucket,
      STREAM_NAME: names.stream,
      UPLOADS_TABLE: names.uploadsTable,
      COGNITO_USER_POOL_ID: account.userPoolId,
      COGNITO_CLIENT_ID: account.userPoolClientId,
      COGNITO_ISSUER: cognito.issuer(account.userPoolId),
      // Lower than the default, so that an upload in parts can be tried with a small file.
      GRANT_PARTS_ABOVE_BYTES: String(10 * 1024 ** 2),
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
