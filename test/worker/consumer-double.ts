import type { ConsumerMetrics, ShardStatus } from '../../services/consumer/index.ts'
import { Counters } from '../../services/consumer/metrics/counters.ts'
import { ConsumerEmitter } from '../../services/consumer/metrics/emitter.ts'
import { metricsOf } from '../../services/consumer/metrics/metrics.ts'

export interface ConsumerDouble {
  readonly events: ConsumerEmitter
  shards: ShardStatus[]
  breaker: ConsumerMetrics['breaker']['state']
  paused: ConsumerMetrics['paused']
  snapshot(): ShardStatus[]
  metrics(): ConsumerMetrics
}

/** Creates a consumer whose status a test can set. Its counters and events are real. */
export function consumerDouble(): ConsumerDouble {
  const counters = new Counters()
  const origin = { workerId: 'w', applicationName: 'app', streamName: 'stream' }
  return {
    events: new ConsumerEmitter(origin, (name, event) => counters.count(name, event)),
    shards: [],
    breaker: 'closed',
    paused: undefined,
    snapshot() {
      return this.shards
    },
    metrics() {
      return metricsOf({
        origin,
        scanAgeMs: 0,
        counters,
        shards: this.shards,
        bufferedBytes: 7,
        maxBufferedBytes: 4_096,
        yielded: 0,
        breaker: this.breaker,
        paused: this.paused,
        unread: 0,
      })
    },
  }
}

export function shardStatus(fields: Partial<ShardStatus> = {}): ShardStatus {
  return {
    shardId: 'shardId-1',
    checkpoint: '1',
    pending: 0,
    millisBehindLatest: 0,
    fetchAgeMs: 0,
    stalledMs: 0,
    fencingToken: 1,
    checkpointAgeMs: 0,
    bufferedBytes: 0,
    recordsPerSecond: 1,
    timeToDrainMs: 0,
    ...fields,
  }
}
