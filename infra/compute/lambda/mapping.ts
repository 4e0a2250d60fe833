import { Duration } from 'aws-cdk-lib'
import { Key } from 'aws-cdk-lib/aws-kms'
import { CfnEventSourceMapping, type Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda'
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs'
import type { Construct } from 'constructs'
import { acknowledge } from '../../acknowledge.ts'
import type { Data, Named } from '../../data/data-stack.ts'
import type { Settings } from '../../settings/schema.ts'

/** Creates the queue that Lambda reports records to that left the stream before they could be processed. */
export function createFailures(scope: Construct, { keyArn }: Data): Queue {
  const queue = new Queue(scope, 'ExpiredRecords', {
    ...(keyArn === undefined
      ? { encryption: QueueEncryption.SQS_MANAGED }
      : { encryption: QueueEncryption.KMS, encryptionMasterKey: Key.fromKeyArn(scope, 'ExpiredRecordsKey', keyArn) }),
    enforceSSL: true,
    retentionPeriod: Duration.days(14),
  })
  acknowledge(queue, {
    'AwsSolutions-SQS3':
      'This queue is itself the dead-letter queue. An alarm goes off when there is a message for a person.',
  })
  if (keyArn === undefined) {
    acknowledge(queue, {
      CKV_AWS_27: 'SQS’s own key encrypts the queue. One of the account does with encryption=customer.',
    })
  }
  return queue
}

/** Maps the stream to the processor, batch by batch. */
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
    // LATEST can lose records that are written while the mapping is created. Processing a record twice does no harm.
    startingPosition: 'TRIM_HORIZON',
    batchSize: settings.batchSize,
    maximumBatchingWindowInSeconds: settings.batchWindowSeconds,
    parallelizationFactor: settings.parallelization,
    functionResponseTypes: ['ReportBatchItemFailures'],
    // The processor dead-letters records that can never be processed. Others are retried for as long as the stream keeps them.
    maximumRetryAttempts: -1,
    maximumRecordAgeInSeconds: -1,
    // A function that is killed reports no item failures. Halving the batch isolates the record at fault.
    bisectBatchOnFunctionError: true,
    destinationConfig: { onFailure: { destination: failures.queueArn } },
  })
  mapping.node.addDependency(processor.role ?? processor)
  return mapping
}
