import type { Test } from 'tap'
import type { TestAws } from '../../support/aws.ts'
import { type Fault, type FaultProxy, type SeenRequest, startFaultProxy } from '../../support/fault-proxy.ts'
import type { AwsService } from '../../support/faults/aws-errors.ts'

export interface Proxies extends Record<AwsService, FaultProxy> {
  /** Ends them. */
  close(): Promise<void>
}

/** A request of a way in to a service, by what it asks and how often that was asked before. */
export interface Step {
  service: AwsService
  /** `PutItem`, `PUT`, `POST uploads`, … */
  kind: string
  /** From 1 on. */
  nth: number
}

/** A proxy before each service. */
export async function startProxies(aws: TestAws): Promise<Proxies> {
  const ends: Array<() => unknown> = []
  const own: Pick<Test, 'teardown'> = { teardown: end => void ends.push(end) }
  const [s3, dynamodb, kinesis] = await Promise.all([
    startFaultProxy(own, aws.endpoints.s3),
    startFaultProxy(own, aws.endpoints.dynamodb),
    startFaultProxy(own, aws.endpoints.kinesis),
  ])
  return {
    s3,
    dynamodb,
    kinesis,
    close: async () => {
      for (const end of ends) await end()
    },
  }
}

/** The environment of an api behind them. */
export const envOf = ({ s3, dynamodb, kinesis }: Proxies) => ({
  AWS_ENDPOINT_URL_S3: s3.url,
  AWS_ENDPOINT_URL_DYNAMODB: dynamodb.url,
  AWS_ENDPOINT_URL_KINESIS: kinesis.url,
})

export const services = ['s3', 'dynamodb', 'kinesis'] as const

export const describeStep = ({ service, kind, nth }: Step) => `${service} ${kind} #${nth}`

/** Every request that came for an upload, as steps. The api's sweep of its own looks into the outbox meanwhile. */
export function stepsSeen(proxies: Proxies): Step[] {
  return services.flatMap(service => {
    const counts = new Map<string, number>()
    return proxies[service].seen.map(kindOf).flatMap(kind => {
      if (kind === 'Query') return []
      const nth = (counts.get(kind) ?? 0) + 1
      counts.set(kind, nth)
      return { service, kind, nth }
    })
  })
}

/** From a step on, all requests of its kind have a fault, or so many of them. */
export function injectAt(proxies: Proxies, { service, kind, nth }: Step, fault: Fault, times?: number) {
  let count = 0
  const when = (request: SeenRequest) => kindOf(request) === kind && ++count >= nth
  return proxies[service].inject(fault, { when, ...(times !== undefined && { times }) })
}

function kindOf({ method, path, target }: SeenRequest): string {
  if (target !== '') return target.slice(target.indexOf('.') + 1)
  const { pathname, searchParams: query } = new URL(path, 'http://s3')
  const what = ['uploads', 'partNumber', 'uploadId', 'list-type'].find(name => query.has(name)) ?? ''
  return `${method} ${pathname.includes('/tails/') ? 'tail' : what}`.trimEnd()
}
