import type { Refusal } from '../../support/fault-proxy.ts'
import type { Proxies } from '../support/proxies.ts'

interface Expected {
  service: string
  what: RegExp
  why: RegExp
}

/** Requests of our processes that the server may reject. */
const EXPECTED: readonly Expected[] = [
  // Another process was first, or the work is already done.
  { service: 'dynamodb', what: /\.(?:PutItem|UpdateItem|DeleteItem)$/, why: /^400 .*ConditionalCheckFailedException/ },
  // A worker creates the lease table if it does not exist. Two workers may do so at the same time.
  { service: 'dynamodb', what: /\.CreateTable$/, why: /^400 .*ResourceInUseException/ },
  { service: 'dynamodb', what: /\.DescribeTable$/, why: /^400 .*ResourceNotFoundException/ },
  // Objects that do not exist yet, and those of deleted uploads.
  { service: 's3', what: /^(?:HEAD|GET) \/[^?]+\/uploads\//, why: /^404 / },
  // moto does not support CBOR. The worker notices that after some calls.
  { service: 'kinesis', what: /\.GetRecords$/, why: /^500 <!doctype html>/ },
]

/**
 * Returns every unexpected error response, one line for each: the server understands these requests differently than
 * our processes.
 */
export function unexpectedRefusals(proxies: Proxies): string[] {
  return proxies
    .refusals()
    .map(refusal => ({ service: refusal.service, what: whatOf(refusal), why: `${refusal.status} ${refusal.body}` }))
    .filter(
      found => !EXPECTED.some(it => it.service === found.service && it.what.test(found.what) && it.why.test(found.why)),
    )
    .map(({ service, what, why }) => `${service} ${what}: ${why}`)
}

const whatOf = ({ method, path, target }: Refusal) => target || `${method} ${path}`
