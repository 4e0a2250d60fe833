import { Duration, RemovalPolicy } from 'aws-cdk-lib'
import { Stream, StreamEncryption, StreamMode } from 'aws-cdk-lib/aws-kinesis'
import type { Construct } from 'constructs'
import { resourceNames, type Settings } from '../settings/schema.ts'

/** The stream of upload events. Its key is AWS's own, which whoever may use the stream may use. */
export function createStream(scope: Construct, settings: Settings): Stream {
  return new Stream(scope, 'Stream', {
    streamName: resourceNames(settings).stream,
    retentionPeriod: Duration.hours(settings.retentionHours),
    encryption: StreamEncryption.MANAGED,
    // As the buckets: not what is left of a first try, whose name would be taken.
    removalPolicy: settings.keepData ? RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE : RemovalPolicy.DESTROY,
    ...(settings.streamMode === 'on-demand'
      ? { streamMode: StreamMode.ON_DEMAND }
      : { streamMode: StreamMode.PROVISIONED, shardCount: settings.shards }),
  })
}
