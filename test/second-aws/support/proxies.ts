import path from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Test } from 'tap'
import { type FaultProxy, type Refusal, startFaultProxy } from '../../support/fault-proxy.ts'

const SERVICES = ['s3', 'dynamodb', 'kinesis', 'cognito'] as const
export type ProxiedService = (typeof SERVICES)[number]

/**
 * The proxies in front of the server, one for each service that our processes call. They record requests and inject
 * faults.
 */
export interface Proxies extends Readonly<Record<ProxiedService, FaultProxy>> {
  /**
   * Environment variables for our processes, which then reach the services and the issuer's keys through the proxies.
   */
  readonly env: Readonly<Record<string, string>>
  /** Returns every response with a status of 400 or more, with its service. */
  refusals(): Array<Refusal & { service: ProxiedService }>
}

const redirect = pathToFileURL(path.join(import.meta.dirname, 'redirect-keys.ts')).href

/** Starts the proxies for the duration of the test. */
export async function startProxies(t: Pick<Test, 'teardown'>, { url }: { url: string }): Promise<Proxies> {
  const [s3, dynamodb, kinesis, cognito] = await Promise.all([
    startFaultProxy(t, url),
    startFaultProxy(t, url),
    startFaultProxy(t, url),
    startFaultProxy(t, url),
  ])
  const proxies = { s3, dynamodb, kinesis, cognito }
  return {
    ...proxies,
    env: {
      AWS_ENDPOINT_URL_S3: s3.url,
      AWS_ENDPOINT_URL_DYNAMODB: dynamodb.url,
      AWS_ENDPOINT_URL_KINESIS: kinesis.url,
      NODE_OPTIONS: `--import ${redirect}`,
      HEADGATE_TEST_ISSUER_URL: cognito.url,
    },
    refusals: () => SERVICES.flatMap(service => proxies[service].refusals.map(refusal => ({ ...refusal, service }))),
  }
}
