import { prices, tiered } from './prices.ts'
import { notified, sizes, text } from './upload-takes.ts'

const HOURS = 720
const SECONDS = HOURS * 3_600
const GB = 1e9

/** Values that are assumed, not measured. */
export const assumed = {
  /** GB-seconds of a request, and of a record in a batch of a hundred. */
  lambda: { request: 0.05, record: 0.004, batch: 100 },
  /** CPU seconds of an upload and of a record, and the target utilization of a task. */
  fargate: { upload: 0.001, record: 0.002, load: 0.6, gbPerVcpu: 2 },
  /** Seconds and GB of a scheduled invocation. */
  schedule: { seconds: 0.1, gb: 0.5 },
  /** The share of a shard's capacity that is used. */
  shardLoad: 1 / 1.4,
  /** Seconds for a page of a bucket's list. */
  listPage: 0.1,
  /** GB for a million uploads. */
  through: { endpoint: 1.4, nat: 1, balancer: 5 },
} as const

/** Values of the code and the stacks. */
export const fixed = {
  shards: 4,
  zones: 2,
  outboxPartitions: 16,
  relaySeconds: { container: 5, schedule: 60 },
  quarterHour: 900,
  renewSeconds: 10 / 3 - 0.025,
  passesADay: 4,
  pageKeys: 1_000,
  /** The share of time that the function may spend on a pass: 300 s in each quarter of an hour. */
  lambdaPassShare: 1 / 3,
} as const

export const vcpuMonth = HOURS * (prices.fargate.vcpuHour + assumed.fargate.gbPerVcpu * prices.fargate.gbHour)
export const shardMonth = HOURS * prices.kinesis.shardHour
export const leaseMonth = (SECONDS / fixed.renewSeconds / 1e6) * prices.dynamodb.write
/** A pass reads each partition, which takes half a unit if the partition is empty. */
const relayPass = (fixed.outboxPartitions / 2 / 1e6) * prices.dynamodb.read
export const relayMonth = (SECONDS / fixed.relaySeconds.container) * relayPass

/** A million uploads, in dollars. */
export const million = {
  s3: text.s3Puts * prices.s3.put + text.s3Gets * prices.s3.get,
  dynamodb: text.dynamodbWrites * prices.dynamodb.write,
  kinesis: prices.kinesis.millionUnits,
  logs: ((sizes.logs + sizes.accessLog) * 1e6 * prices.logsGb) / GB,
  kept: (sizes.kept * 1e6 * prices.s3GbMonth) / GB,
  /** The sweep reads the record of each object once, by a consistent read. */
  orphans: prices.dynamodb.read,
  lambda:
    prices.lambda.millionCalls * (1 + 1 / assumed.lambda.batch) +
    (assumed.lambda.request + assumed.lambda.record) * prices.lambda.millionGbSeconds,
  through:
    assumed.through.endpoint * prices.network.endpointGb +
    assumed.through.nat * prices.network.natGb +
    assumed.through.balancer * prices.network.balancerGb,
  notified: notified.dynamodbWrites * prices.dynamodb.write,
  /** Storage of the records for a month. */
  records: ((sizes.record * 1e6) / GB) * (prices.dynamodb.gbMonth + prices.dynamodb.restoreGbMonth),
} as const

/** Returns the number of tasks of one vCPU, or a half for one small task. */
const tasks = (perSecond: number, cpuSeconds: number) => {
  const busy = (perSecond * cpuSeconds) / assumed.fargate.load
  return busy <= 0.5 ? 0.5 : Math.ceil(busy)
}

/**
 * Returns the maximum number of LIST requests that the sweep of orphaned objects sends in a month. With many owners of few uploads
 * each it lists the whole bucket, which has the uploads of a month here. It lists one page at a time, so time is a bound too.
 */
const lists = (uploads: number, share: number) =>
  Math.min((uploads / fixed.pageKeys) * fixed.passesADay * 30, (SECONDS * share) / assumed.listPage)

/** Returns the monthly cost, in dollars, of a rate of uploads a second. */
export function monthOf(rate: number) {
  const uploads = rate * SECONDS
  const ofMillion = (dollars: number) => (uploads / 1e6) * dollars
  const api = tasks(rate, assumed.fargate.upload)
  const worker = tasks(rate, assumed.fargate.record)
  const workers = Math.ceil(worker)
  const needed = Math.max(fixed.shards, Math.ceil(rate / 1_000 / assumed.shardLoad))
  // More tasks than shards would be idle.
  const shards = { lambda: needed, fargate: Math.max(needed, workers) }
  const kinesis = (count: number) => count * shardMonth + ofMillion(million.kinesis)
  const list = (share: number) => (lists(uploads, share) / 1e6) * prices.s3.put
  const { natHour, balancerHour, endpointHour } = prices.network
  const calls = SECONDS / fixed.relaySeconds.schedule + (2 * SECONDS) / fixed.quarterHour
  const passSeconds = lists(uploads, fixed.lambdaPassShare) * assumed.listPage
  const gbSeconds = (calls * assumed.schedule.seconds + passSeconds) * assumed.schedule.gb
  return {
    uploads,
    shards,
    vcpus: api + worker,
    workers,
    common: {
      httpApi: tiered(prices.httpApi, uploads),
      s3: ofMillion(million.s3),
      dynamodb: ofMillion(million.dynamodb),
      logs: ofMillion(million.logs),
      kept: ofMillion(million.kept),
      orphans: ofMillion(million.orphans),
    },
    lambda: {
      kinesis: kinesis(shards.lambda),
      functions: ofMillion(million.lambda),
      schedules:
        (calls / 1e6) * prices.lambda.millionCalls +
        (gbSeconds / 1e6) * prices.lambda.millionGbSeconds +
        (SECONDS / fixed.relaySeconds.schedule) * relayPass +
        list(fixed.lambdaPassShare),
    },
    fargate: {
      kinesis: kinesis(shards.fargate),
      tasks: (api + worker) * vcpuMonth,
      network: HOURS * (fixed.zones * (natHour + endpointHour) + balancerHour) + ofMillion(million.through),
      workers: shards.fargate * leaseMonth + workers * relayMonth + list(1),
    },
    besides: {
      restApi: tiered(prices.restApi, uploads),
      records: ofMillion(million.records),
      object: ofMillion(prices.s3.put),
      item: ofMillion(prices.dynamodb.write),
      notified: ofMillion(million.notified),
      events: ofMillion(prices.eventBridge.millionEvents),
    },
  }
}
