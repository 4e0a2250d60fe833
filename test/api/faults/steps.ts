import type { Test } from 'tap'
import type { TestAws } from '../../support/aws.ts'
import { type Fault, type FaultProxy, type SeenRequest, startFaultProxy } from '../../support/fault-proxy.ts'
import type { AwsService } from '../../support/faults/aws-errors.ts'

export interface Proxies extends Record<AwsService, FaultProxy> {
  /** Closes the proxies. */
  close(): Promise<void>
}

/** A request of an upload method to a service, by its kind and its number. */
export interface Step {
  service: AwsService
  /** `PutItem`, `PUT`, `POST uploads`, … */
  kind: string
  /** Counted from 1. */
  nth: number
}

/** Starts a proxy in front of each service. */
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

/** Returns the environment of an api that uses the proxies. */
export const envOf = ({ s3, dynamodb, kinesis }: Proxies) => ({
  AWS_ENDPOINT_URL_S3: s3.url,
  AWS_ENDPOINT_URL_DYNAMODB: dynamodb.url,
  AWS_ENDPOINT_URL_KINESIS: kinesis.url,
})

export const services = ['s3', 'dynamodb', 'kinesis'] as const

export const describeStep = ({ service, kind, nth }: Step) => `${service} ${kind} #${nth}`

/** Returns every request for an upload as a step. The queries of the api's own sweep are not among them. */
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

/** Injects a fault into a step and the later requests of its kind, or into a number of them. */
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
