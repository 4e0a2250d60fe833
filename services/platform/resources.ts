/**
 * The resources of Headgate in an account. Both the embedded AWS and `infra/` create them from these definitions, which are plain data,
 * so that neither needs the other's libraries.
 */

/** The names of the resources on a laptop, which are also the defaults of the configuration. */
export const names = {
  uploadBucket: 'headgate-uploads',
  processedBucket: 'headgate-processed',
  stream: 'uploads-stream',
  uploadsTable: 'headgate-uploads',
  application: 'headgate-worker',
  userPool: 'headgate-users',
  userPoolClient: 'headgate-client',
} as const

export interface KeyAttribute {
  name: string
  type: 'S' | 'N'
}

export interface TableDefinition {
  partitionKey: KeyAttribute
  sortKey?: KeyAttribute
  /** The attribute with the epoch second after which DynamoDB deletes an item. Items without the attribute stay. */
  timeToLive?: string
  indexes: ReadonlyArray<{
    name: string
    partitionKey: KeyAttribute
    sortKey: KeyAttribute
    projection: 'ALL' | 'KEYS_ONLY'
  }>
}

/**
 * The upload records. The partition key is the owner, and the upload ids are UUIDv7. So an owner's uploads are listed newest first
 * without an index, and no key leads to another owner's upload.
 *
 * The index `outbox` is sparse: a record has `outboxPartition` only while its event may not be on the stream, or while its deletion is
 * unfinished. The index `notifications` is sparse, too: a record has `notifyPartition` only while it owes a notification. Deleted
 * records, idempotency keys and counted attempts have `forgetAt`. Idempotency keys, attempts and events that wait for the verdict of a
 * scanner are stored in this table too, under owners with a `#`, which no token can name. The events that wait are in the index
 * `notifications`, in partitions of their own.
 */
export const uploadsTable = {
  partitionKey: { name: 'owner', type: 'S' },
  sortKey: { name: 'uploadId', type: 'S' },
  timeToLive: 'forgetAt',
  indexes: [
    {
      name: 'outbox',
      partitionKey: { name: 'outboxPartition', type: 'S' },
      sortKey: { name: 'uploadedAt', type: 'S' },
      projection: 'ALL',
    },
    {
      name: 'notifications',
      partitionKey: { name: 'notifyPartition', type: 'S' },
      sortKey: { name: 'notifyAt', type: 'N' },
      // Only the keys, so that a write costs one unit however large the record is. The relay reads the record when it claims it.
      projection: 'KEYS_ONLY',
    },
  ],
} as const satisfies TableDefinition

/** The lease table in KCL's format: one row per shard, with the shard id as its key. */
export const leaseTable = {
  partitionKey: { name: 'leaseKey', type: 'S' },
  indexes: [],
} as const satisfies TableDefinition

export const stream = { shards: 4, retentionHours: 24 } as const

/** The prefixes of keys in the buckets. The roles have access to these prefixes only. */
export const keyPrefixes = {
  /** In UPLOAD_BUCKET. */
  uploads: 'uploads/',
  tails: 'tails/',
  /** In PROCESSED_BUCKET. */
  processed: 'processed/',
  processedOther: 'processed-other/',
  deadLetters: 'dead-letters/',
} as const

/**
 * When the lifecycle rules of the buckets delete parts and tails, in days. Both are at least the maximum of `PENDING_UPLOAD_HOURS`, so
 * that a pending upload does not lose the bytes that it continues from.
 */
export const bucketLifecycle = { abortMultipartDays: 7, expireTailsDays: 7 } as const

/**
 * The CORS rule of both buckets, for the pages that may call the api: they PUT grants and read downloads. A page needs the ETag of each
 * part, the other headers to continue a download, and the request id to report an error of S3.
 */
export const bucketCors = {
  allowedMethods: ['GET', 'HEAD', 'PUT'],
  allowedHeaders: ['*'],
  exposedHeaders: ['ETag', 'Accept-Ranges', 'Content-Disposition', 'Content-Range', 'x-amz-request-id'],
  maxAgeSeconds: 3_600,
} as const

/** The tag by which GuardDuty Malware Protection for S3 says what it found in an object. */
export const SCAN_STATUS_TAG = 'GuardDutyMalwareScanStatus'

/** The tag, with the value `true`, of an object that an operator has released from quarantine. */
export const RELEASED_TAG = 'HeadgateReleased'

/** The user pool and its app client. The app client has no secret, because browsers and command lines use it. */
export const userPool = {
  passwordMinimumLength: 8,
  authFlows: ['ALLOW_USER_PASSWORD_AUTH', 'ALLOW_USER_SRP_AUTH', 'ALLOW_REFRESH_TOKEN_AUTH'],
  oauthScopes: ['openid', 'email', 'profile'],
  accessTokenMinutes: 60,
  idTokenMinutes: 60,
  refreshTokenDays: 30,
} as const
