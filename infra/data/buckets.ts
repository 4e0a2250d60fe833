import { Duration, RemovalPolicy } from 'aws-cdk-lib'
import {
  BlockPublicAccess,
  Bucket,
  BucketEncryption,
  type BucketProps,
  HttpMethods,
  type IBucket,
  type LifecycleRule,
  ObjectOwnership,
} from 'aws-cdk-lib/aws-s3'
import type { Construct } from 'constructs'
import { bucketLifecycle, keyPrefixes } from '../../services/platform/resources.ts'
import { acknowledge } from '../acknowledge.ts'
import { listed } from '../settings/listed.ts'
import type { Settings } from '../settings/schema.ts'

export interface Buckets {
  uploads: Bucket
  processed: Bucket
}

/** How long it is kept who has read what. */
const ACCESS_LOG_DAYS = 90

/** The buckets of uploads and of processed objects, and one for the log of who reads them. */
export function createBuckets(scope: Construct, settings: Settings): Buckets {
  const shared: BucketProps = {
    blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
    encryption: BucketEncryption.S3_MANAGED,
    enforceSSL: true,
    minimumTLSVersion: 1.2,
    objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
    // But not where making the stack fails: what is left of a first try would be in the way of the next.
    removalPolicy: settings.keepData ? RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE : RemovalPolicy.DESTROY,
  }
  const accessLogs = new Bucket(scope, 'AccessLogs', {
    ...shared,
    lifecycleRules: [{ id: 'expire', expiration: Duration.days(ACCESS_LOG_DAYS) }],
  })
  acknowledge(accessLogs, { 'AwsSolutions-S1': 'It is where access logs go: logging itself would never end.' })

  const origins = listed(settings.corsOrigins)
  const data = (id: string, rules: LifecycleRule[]) =>
    new Bucket(scope, id, {
      ...shared,
      versioned: true,
      serverAccessLogsBucket: accessLogs as IBucket,
      serverAccessLogsPrefix: `${id.toLowerCase()}/`,
      lifecycleRules: [...always(settings), ...rules],
      ...(origins.length > 0 && { cors: [corsFor(origins)] }),
    })
  return {
    uploads: data('Uploads', [
      { id: 'tails', prefix: keyPrefixes.tails, expiration: Duration.days(bucketLifecycle.expireTailsDays) },
      ...expire('uploads', keyPrefixes.uploads, settings.expireUploadsDays),
    ]),
    processed: data('Processed', [
      ...expire('processed', keyPrefixes.processed, settings.expireProcessedDays),
      ...expire('processed-other', keyPrefixes.processedOther, settings.expireProcessedDays),
    ]),
  }
}

function always({ noncurrentDays }: Settings): LifecycleRule[] {
  return [
    { id: 'abort-multipart', abortIncompleteMultipartUploadAfter: Duration.days(bucketLifecycle.abortMultipartDays) },
    { id: 'noncurrent', noncurrentVersionExpiration: Duration.days(noncurrentDays), expiredObjectDeleteMarker: true },
  ]
}

function expire(id: string, prefix: string, days: number): LifecycleRule[] {
  return days === 0 ? [] : [{ id, prefix, expiration: Duration.days(days) }]
}

/** Grants are PUT and downloads read by pages of these origins. Of a part they need its ETag. */
function corsFor(allowedOrigins: string[]) {
  return {
    allowedOrigins,
    allowedMethods: [HttpMethods.GET, HttpMethods.HEAD, HttpMethods.PUT],
    allowedHeaders: ['*'],
    exposedHeaders: ['ETag'],
    maxAge: 3_600,
  }
}
