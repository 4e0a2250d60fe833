import type { PolicyStatement } from 'aws-cdk-lib/aws-iam'
import type { Data } from '../data/data-stack.ts'
import type { Settings } from '../settings/schema.ts'
import {
  consuming,
  deletingFlatKeys,
  notifying,
  processing,
  processingAnyKey,
  readingHeaders,
  readingVerdicts,
  relaying,
  relayingNotifications,
  relayingScans,
  sendingToXray,
  serving,
  servingFlatKeys,
  sweeping,
  sweepingOrphans,
} from './statements.ts'

type Statements = (data: Data, settings: Settings) => PolicyStatement[]

/** The statements that each duty needs, given the deployment's settings. A container has several duties, a function one. */
export const duties = {
  serve: (data, { flatKeys }) => [...serving(data), ...(flatKeys ? servingFlatKeys(data) : [])],
  sweep: data => sweeping(data),
  process: (data, { flatKeys, otherProducers, scanner }) => [
    ...processing(data),
    ...(flatKeys ? deletingFlatKeys(data) : []),
    ...(otherProducers ? processingAnyKey(data) : []),
    ...(scanner === 'guardduty' ? readingVerdicts(data, otherProducers) : []),
  ],
  relay: (data, { flatKeys, notifications, otherProducers, scanner }) => [
    ...relaying(data),
    ...(flatKeys ? deletingFlatKeys(data) : []),
    ...(notifications.length > 0 ? relayingNotifications(data) : []),
    ...(scanner === 'guardduty' ? [...relayingScans(data), ...readingVerdicts(data, otherProducers)] : []),
  ],
  sweepOrphans: data => sweepingOrphans(data),
  consume: data => consuming(data),
  notify: (_data, settings) => notifying(settings),
  trace: (_data, { tracing, otlpHeadersSecretArn: arn }) => [
    ...(tracing === 'xray' ? sendingToXray() : []),
    ...(arn === undefined ? [] : readingHeaders(arn)),
  ],
} as const satisfies Record<string, Statements>
