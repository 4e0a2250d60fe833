/**
 * What Headgate owns in an account, defined once: the embedded AWS and `infra/` both create it from here. Plain data, so
 * that neither needs the other's libraries.
 */

/** The names that the laptop and the defaults of the configuration use. */
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
  /** Items go some time after the epoch second that they have in this attribute, and those without it stay. */
  timeToLive?: string
  indexes: ReadonlyArray<{
    name: string
    partitionKey: KeyAttribute
    sortKey: KeyAttribute
    projection: 'ALL' | 'KEYS_ONLY'
  }>
}

/**
 * The upload records. An owner is a partition and the upload ids in it are UUIDv7, so that one owner's uploads come out
 * newest first without an index, and that no key exists by which another's upload could be asked for.
 *
 * `outbox` is sparse: a record has `outboxPartition` only while its event is not known to be on the stream, or while its
 * deletion is not finished. `forgetAt` is what a deleted one has, and what idempotency keys and counted attempts have, which lie beside
 * the records as those of owners with a `#`, which no token can name.
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
  ],
} as const satisfies TableDefinition

/** KCL's lease table: one row a shard, keyed by the shard id. */
export const leaseTable = {
  partitionKey: { name: 'leaseKey', type: 'S' },
  indexes: [],
} as const satisfies TableDefinition

export const stream = { shards: 4, retentionHours: 24 } as const

/** What the keys in the buckets begin with. Roles are allowed these and nothing beside them. */
export const keyPrefixes = {
  /** In the bucket of uploads. */
  uploads: 'uploads/',
  tails: 'tails/',
  /** In the bucket of processed objects. */
  processed: 'processed/',
  processedOther: 'processed-other/',
  deadLetters: 'dead-letters/',
} as const

/**
 * What ends by itself in the buckets, in days. Both are no less than `PENDING_UPLOAD_HOURS` can be, or an upload that may still
 * go on would lose what it goes on from.
 */
export const bucketLifecycle = { abortMultipartDays: 7, expireTailsDays: 7 } as const

/** The user pool and its app client: no secret, because its users hold it in browsers and on command lines. */
export const userPool = {
  passwordMinimumLength: 8,
  authFlows: ['ALLOW_USER_PASSWORD_AUTH', 'ALLOW_USER_SRP_AUTH', 'ALLOW_REFRESH_TOKEN_AUTH'],
  accessTokenMinutes: 60,
  idTokenMinutes: 60,
  refreshTokenDays: 30,
} as const
