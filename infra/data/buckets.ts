import { Aws, Duration, RemovalPolicy } from 'aws-cdk-lib'
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import type { IKey } from 'aws-cdk-lib/aws-kms'
import {
  BlockPublicAccess,
  Bucket,
  BucketEncryption,
  type BucketProps,
  type HttpMethods,
  type IBucket,
  type LifecycleRule,
  ObjectOwnership,
} from 'aws-cdk-lib/aws-s3'
import type { Construct } from 'constructs'
import { bucketCors, bucketLifecycle, keyPrefixes } from '../../services/platform/resources.ts'
import { acknowledge } from '../acknowledge.ts'
import { parseList } from '../settings/parse-list.ts'
import type { Settings } from '../settings/schema.ts'

export interface Buckets {
  uploads: Bucket
  processed: Bucket
  accessLogs: Bucket
}

/** The key prefix of the load balancer's access logs in the bucket of access logs. */
export const BALANCER_LOG_PREFIX = 'balancer'

/** Minimum age, in days, at which access logs expire. They are kept as long as other logs where that is longer. */
const ACCESS_LOG_DAYS = 90

/** Creates the buckets of uploads and processed objects, encrypted with the key where there is one, and one for access logs. */
export function createBuckets(scope: Construct, settings: Settings, key?: IKey): Buckets {
  const shared: BucketProps = {
    blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
    enforceSSL: true,
    minimumTLSVersion: 1.2,
    objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
    // Except when creating the stack fails: buckets left by the first attempt would be orphaned.
    removalPolicy: settings.keepData ? RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE : RemovalPolicy.DESTROY,
  }
  const accessLogs = new Bucket(scope, 'AccessLogs', {
    ...shared,
    // Neither S3 nor Elastic Load Balancing delivers logs to a bucket that is encrypted with a KMS key.
    encryption: BucketEncryption.S3_MANAGED,
    versioned: true,
    lifecycleRules: [
      { id: 'expire', expiration: Duration.days(Math.max(ACCESS_LOG_DAYS, settings.logDays)) },
      ...always(settings),
    ],
  })
  const reason = 'This is the bucket of access logs: logging the delivery of logs would never end.'
  acknowledge(accessLogs, { 'AwsSolutions-S1': reason, CKV_AWS_18: reason })
  if (settings.balancerLogs) accessLogs.addToResourcePolicy(allowBalancerLogs(accessLogs))

  const origins = parseList(settings.corsOrigins)
  const data = (id: string, rules: LifecycleRule[]) =>
    new Bucket(scope, id, {
      ...shared,
      versioned: true,
      // A bucket key makes most requests to KMS unnecessary, and with them most of their price.
      ...(key === undefined
        ? { encryption: BucketEncryption.S3_MANAGED }
        : { encryption: BucketEncryption.KMS, encryptionKey: key, bucketKeyEnabled: true }),
      serverAccessLogsBucket: accessLogs as IBucket,
      serverAccessLogsPrefix: `${id.toLowerCase()}/`,
      lifecycleRules: [...always(settings), ...rules],
      ...(origins.length > 0 && { cors: [corsFor(origins)] }),
    })
  return {
    accessLogs,
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

/**
 * Lets load balancers of this account deliver their access logs.
 *
 * https://docs.aws.amazon.com/elasticloadbalancing/latest/application/enable-access-logging.html
 */
function allowBalancerLogs(bucket: Bucket): PolicyStatement {
  return new PolicyStatement({
    principals: [new ServicePrincipal('logdelivery.elasticloadbalancing.amazonaws.com')],
    actions: ['s3:PutObject'],
    resources: [bucket.arnForObjects(`${BALANCER_LOG_PREFIX}/AWSLogs/${Aws.ACCOUNT_ID}/*`)],
  })
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

function corsFor(allowedOrigins: string[]) {
  const { allowedMethods, allowedHeaders, exposedHeaders, maxAgeSeconds } = bucketCors
  return {
    allowedOrigins,
    allowedMethods: allowedMethods.map(method => method as HttpMethods),
    allowedHeaders: [...allowedHeaders],
    exposedHeaders: [...exposedHeaders],
    maxAge: maxAgeSeconds,
  }
}
