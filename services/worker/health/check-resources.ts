import { type KinesisClient, ListShardsCommand } from '@aws-sdk/client-kinesis'
import { HeadBucketCommand, type S3Client } from '@aws-sdk/client-s3'
import type { WorkerConfig } from '../../platform/config/worker.ts'
import { ConfigurationError, type ConfigurationFault } from '../../platform/errors.ts'
import type { Logger } from '../../platform/log.ts'
import { outboxPartitionName } from '../../uploads/records/record.ts'
import type { UploadStore } from '../../uploads/records/store.ts'
import type { Notifications } from '../notifications/open.ts'

export interface CheckResourcesSettings {
  config: Pick<WorkerConfig, 'STREAM_NAME' | 'UPLOAD_BUCKET' | 'PROCESSED_BUCKET' | 'UPLOADS_TABLE' | 'AWS_REGION'>
  s3: S3Client
  kinesis: KinesisClient
  store: Pick<UploadStore, 'listOutbox'>
  /** Undefined if nothing uses the index `notifications`. */
  notifications?: Pick<Notifications, 'checkIndex'> | undefined
  log: Pick<Logger, 'warn'>
  /** Maximum time of each check, in milliseconds. */
  timeoutMs?: number
}

type Check = [variable: keyof CheckResourcesSettings['config'], check: (abortSignal: AbortSignal) => Promise<unknown>]

/** Names of the errors by which AWS says that a resource does not exist. */
const MISSING = new Set(['ResourceNotFoundException', 'NoSuchBucket', 'NotFound'])

/** The message of a ValidationException. */
const NO_INDEX = /does not have the specified index/

function withoutIndex(table: string): string {
  return `the table "${table}" is of an earlier version: it has no index "notifications", so what is owed, or waits for a scan, would not be continued. Deploy the templates first, or on a laptop start with a new folder for --data.`
}

/**
 * Checks at the start that the resources exist, because a worker would retry a wrong name for ever. It uses only calls that the worker
 * needs anyway, so its role needs no further permission. Other failures are logged and do not stop the start: they may pass.
 *
 * @throws ConfigurationError naming every variable whose resource does not exist
 */
export async function checkResources(settings: CheckResourcesSettings): Promise<void> {
  const { config, s3, kinesis, store, notifications, log, timeoutMs = 5_000 } = settings
  const outbox = { partition: outboxPartitionName(0), before: new Date(0).toISOString(), limit: 1 }

  const checks: Check[] = [
    [
      'STREAM_NAME',
      abortSignal =>
        kinesis.send(new ListShardsCommand({ StreamName: config.STREAM_NAME, MaxResults: 1 }), { abortSignal }),
    ],
    ...(['UPLOAD_BUCKET', 'PROCESSED_BUCKET'] as const).map(
      (variable): Check => [
        variable,
        abortSignal => s3.send(new HeadBucketCommand({ Bucket: config[variable] }), { abortSignal }),
      ],
    ),
    ['UPLOADS_TABLE', abortSignal => store.listOutbox(outbox, abortSignal)],
    ...(notifications ? [['UPLOADS_TABLE', notifications.checkIndex] satisfies Check] : []),
  ]

  async function faultOf([variable, check]: Check): Promise<ConfigurationFault[]> {
    const limit = AbortSignal.timeout(timeoutMs)
    try {
      await check(limit)
      return []
    } catch (err) {
      if (err instanceof Error && MISSING.has(err.name))
        return [{ variable, problem: `there is no "${config[variable]}" in ${config.AWS_REGION}` }]
      if (err instanceof Error && NO_INDEX.test(err.message))
        return [{ variable, problem: withoutIndex(config[variable]) }]
      if (limit.aborted)
        log.warn(
          { err, variable, timeoutMs },
          'AWS did not respond in time, so it is unknown whether the resource exists',
        )
      else log.warn({ err, variable }, 'the check failed, so it is unknown whether the resource exists')
      return []
    }
  }

  const faults = (await Promise.all(checks.map(faultOf))).flat()
  if (faults.length > 0) throw new ConfigurationError(faults)
}
