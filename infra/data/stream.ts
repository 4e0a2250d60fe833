import { Duration, RemovalPolicy } from 'aws-cdk-lib'
import { type CfnStream, Stream, StreamEncryption, StreamMode } from 'aws-cdk-lib/aws-kinesis'
import type { IKey } from 'aws-cdk-lib/aws-kms'
import type { Construct } from 'constructs'
import { acknowledge } from '../acknowledge.ts'
import { resourceNames, type Settings } from '../settings/schema.ts'

/**
 * Creates the stream of upload events.
 *
 * @param key left out, the key that AWS manages for Kinesis, which every user of the stream may use
 */
export function createStream(scope: Construct, settings: Settings, key?: IKey): Stream {
  const created = new Stream(scope, 'Stream', {
    streamName: resourceNames(settings).stream,
    retentionPeriod: Duration.hours(settings.retentionHours),
    ...(key === undefined
      ? { encryption: StreamEncryption.MANAGED }
      : { encryption: StreamEncryption.KMS, encryptionKey: key }),
    // Except when creating the stack fails: the name of a stream left by the first attempt would be taken.
    removalPolicy: settings.keepData ? RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE : RemovalPolicy.DESTROY,
    ...(settings.streamMode === 'on-demand'
      ? { streamMode: StreamMode.ON_DEMAND }
      : { streamMode: StreamMode.PROVISIONED, shardCount: settings.shards }),
  })
  if (settings.recordDistribution === 'auto') {
    const resource = created.node.defaultChild as CfnStream
    resource.recordDistributionStrategy = 'AUTO'
  }
  if (key !== undefined) {
    acknowledge(created, {
      'AwsSolutions-KDS3': 'encryption=customer asks for a key of the account instead of aws/kinesis.',
    })
  }
  return created
}
