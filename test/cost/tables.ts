import { leaseMonth, million, monthOf, relayMonth, shardMonth, vcpuMonth } from './month.ts'
import { prices } from './prices.ts'
import { image, sizes, type Takes, text } from './upload-takes.ts'

const RATES = [10, 1_000, 10_000]
const months = RATES.map(monthOf)

type Month = (typeof months)[number]

const dollars = (amount: number) => Math.round(amount).toLocaleString('en-US')
const cents = (amount: number) => amount.toFixed(2)
/** With two significant digits. */
const exact = (amount: number) => String(Number(amount.toPrecision(2)))
const kb = (bytes: number) => `${Number((bytes / 1_000).toFixed(1))} KB`

const table = (head: readonly string[], rows: ReadonlyArray<readonly string[]>) =>
  [head, head.map(() => '---'), ...rows].map(cells => `| ${cells.join(' | ')} |`).join('\n')

/** Renders what a million uploads of each kind use. */
export function renderUpload(): string {
  const s3 = (of: Takes) => of.s3Puts * prices.s3.put + of.s3Gets * prices.s3.get
  const writes = (of: Takes) => of.dynamodbWrites * prices.dynamodb.write
  const [logs, accessLog] = [sizes.logs, sizes.accessLog].map(bytes => cents((bytes / 1_000) * prices.logsGb))
  const once = (of: string, requests: string, price: string, amount: string) => [of, requests, price, amount, amount]
  const rows = [
    once('API Gateway, HTTP API', '1', '1.00 a million, 0.90 past 300 million', '1.00'),
    [
      'S3',
      `${text.s3Puts} PUT, ${text.s3Gets} GET; image: ${image.s3Puts} PUT, ${image.s3Gets} GET`,
      `${cents(prices.s3.put)} and ${cents(prices.s3.get)} a million`,
      cents(s3(text)),
      cents(s3(image)),
    ],
    [
      'DynamoDB, writes',
      `${text.dynamodbWrites} units; image ${image.dynamodbWrites}`,
      `${prices.dynamodb.write} a million units of 1 KiB, on demand`,
      cents(writes(text)),
      cents(writes(image)),
    ],
    once(
      'Kinesis',
      `1 record of ${kb(sizes.event)}`,
      `${prices.kinesis.millionUnits} a million of 25 KB`,
      exact(million.kinesis),
    ),
    once('Logs of api and worker', kb(sizes.logs), `${cents(prices.logsGb)} a GB`, logs ?? ''),
    once('Access log of the gateway', `${sizes.accessLog / 1_000} KB`, `${cents(prices.logsGb)} a GB`, accessLog ?? ''),
    once(
      'Sweep of orphaned objects',
      '1 consistent read',
      `${prices.dynamodb.read} a million units of 4 KiB`,
      exact(million.orphans),
    ),
    [
      'S3, storage for a month',
      `${kb(sizes.kept)}; image: its size and that of its thumbnail`,
      `${prices.s3GbMonth} a GB and month`,
      cents(million.kept),
      '',
    ],
  ]
  return table(['', 'per upload', 'price', 'a million texts', 'a million images'], rows)
}

/** Renders the monthly cost at the three rates. The totals are sums of the rounded values that the table shows. */
export function renderMonths(): string {
  const [sums, rows] = [{ lambda: RATES.map(() => 0), fargate: RATES.map(() => 0) }, [] as string[][]]
  const add = (what: string, of: (month: Month) => number, ...to: Array<keyof typeof sums>) => {
    const amounts = months.map(month => Math.round(of(month)))
    for (const compute of to) sums[compute] = sums[compute].map((sum, index) => sum + (amounts[index] ?? 0))
    rows.push([what, ...amounts.map(dollars)])
  }
  const counts = (of: (month: Month) => number) => months.map(of).join(', ')
  const both = ['lambda', 'fargate'] as const
  add('API Gateway, HTTP API: 300 × 1.00 + the rest × 0.90', ({ common }) => common.httpApi, ...both)
  add(`S3 requests: uploads × ${cents(million.s3)}`, ({ common }) => common.s3, ...both)
  add(`DynamoDB: uploads × ${cents(million.dynamodb)}`, ({ common }) => common.dynamodb, ...both)
  add(`Logs of both kinds: uploads × ${Number(million.logs.toPrecision(3))}`, ({ common }) => common.logs, ...both)
  add('S3 storage of one month’s objects', ({ common }) => common.kept, ...both)
  add(`Reads by the sweep of orphaned objects: uploads × ${million.orphans}`, ({ common }) => common.orphans, ...both)
  const kinesis = (compute: 'lambda' | 'fargate') =>
    `Kinesis: shards (${counts(({ shards }) => shards[compute])}) × ${cents(shardMonth)} + uploads × ${million.kinesis}`
  add(`**on Lambda**: uploads × ${cents(million.lambda)}`, ({ lambda }) => lambda.functions, 'lambda')
  add(kinesis('lambda'), ({ lambda }) => lambda.kinesis, 'lambda')
  add('Schedules, with the maximum number of lists by the sweep', ({ lambda }) => lambda.schedules, 'lambda')
  add(
    `**on Fargate**: vCPUs (${counts(({ vcpus }) => vcpus)}) × ${cents(vcpuMonth)}`,
    ({ fargate }) => fargate.tasks,
    'fargate',
  )
  add(kinesis('fargate'), ({ fargate }) => fargate.kinesis, 'fargate')
  add(
    `Network: NAT, endpoint, balancer, and uploads × ${Number(million.through.toPrecision(2))}`,
    ({ fargate }) => fargate.network,
    'fargate',
  )
  add(
    `Leases: shards × ${cents(leaseMonth)}, outbox: workers (${counts(({ workers }) => workers)}) × ${cents(relayMonth)}, and the maximum number of lists by the sweep`,
    ({ fargate }) => fargate.workers,
    'fargate',
  )
  for (const [name, sum] of [['Lambda', sums.lambda] as const, ['Fargate', sums.fargate] as const])
    rows.push([`**Total on ${name}**`, ...sum.map(amount => `**${dollars(amount)}**`)])
  const uploads = ['uploads', '26 million', '2.6 billion', '26 billion']
  return table(
    ['a month, in dollars', ...RATES.map(rate => `${rate.toLocaleString('en-US')} a second`)],
    [uploads, ...rows],
  )
}

/** Renders costs that may be added, or replace another. */
export function renderBesides(): string {
  const row = (what: string, of: (month: Month) => number) => [what, ...months.map(month => dollars(of(month)))]
  const rows = [
    row(
      'REST API instead of the HTTP API: 333 × 3.50 + 667 × 2.80 + the rest × 2.38',
      ({ besides }) => besides.restApi,
    ),
    row(`Each further output as an object: uploads × ${cents(prices.s3.put)}`, ({ besides }) => besides.object),
    row(
      `Each further output of less than 1 KiB as an item: uploads × ${prices.dynamodb.write}`,
      ({ besides }) => besides.item,
    ),
    row(
      `Notifications, written as owed and as delivered: uploads × ${million.notified}`,
      ({ besides }) => besides.notified,
    ),
    row(
      `Notifications on an event bus besides: uploads × ${cents(prices.eventBridge.millionEvents)}`,
      ({ besides }) => besides.events,
    ),
    row(
      `Records of one month, ${kb(sizes.record)} each, for every month that they are kept: uploads × ${cents(million.records)}`,
      ({ besides }) => besides.records,
    ),
  ]
  return table(
    ['further costs a month, in dollars', ...RATES.map(rate => `${rate.toLocaleString('en-US')} a second`)],
    rows,
  )
}
