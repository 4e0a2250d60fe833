import { Duration } from 'aws-cdk-lib'
import { CfnEventSourceMapping, type Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda'
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs'
import type { Construct } from 'constructs'
import { acknowledge } from '../../acknowledge.ts'
import type { Named } from '../../data/data-stack.ts'
import type { Settings } from '../../settings/schema.ts'

/** Where Lambda says which records it has given up, because they left the stream before they could be processed. */
export function createFailures(scope: Construct): Queue {
  const queue = new Queue(scope, 'GivenUp', {
    encryption: QueueEncryption.SQS_MANAGED,
    enforceSSL: true,
    retentionPeriod: Duration.days(14),
  })
  acknowledge(queue, {
    'AwsSolutions-SQS3': 'It is itself where failures end. A person reads it, and an alarm says when.',
  })
  return queue
}

/** Feeds the stream to the processor, batch by batch. */
export function createMapping(
  scope: Construct,
  {
    stream,
    processor,
    failures,
    settings,
  }: { stream: Named; processor: LambdaFunction; failures: Queue; settings: Settings },
): CfnEventSourceMapping {
  const mapping = new CfnEventSourceMapping(scope, 'Mapping', {
    eventSourceArn: stream.arn,
    functionName: processor.functionName,
    // LATEST can lose what is written while the mapping comes into being; processing twice does no harm.
    startingPosition: 'TRIM_HORIZON',
    batchSize: settings.batchSize,
    maximumBatchingWindowInSeconds: settings.batchWindowSeconds,
    parallelizationFactor: settings.parallelization,
    functionResponseTypes: ['ReportBatchItemFailures'],
    // What can never be processed becomes a dead letter. All else is tried for as long as the stream has it.
    maximumRetryAttempts: -1,
    maximumRecordAgeInSeconds: -1,
    // A function that is killed reports nothing: half a batch finds out sooner which record does it.
    bisectBatchOnFunctionError: true,
    destinationConfig: { onFailure: { destination: failures.queueArn } },
  })
  mapping.node.addDependency(processor.role ?? processor)
  return mapping
}
