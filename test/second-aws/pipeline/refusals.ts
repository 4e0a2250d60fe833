import type { Refusal } from '../../support/fault-proxy.ts'
import type { Proxies } from '../support/proxies.ts'

interface Expected {
  service: string
  what: RegExp
  why: RegExp
}

/** What our processes ask although it may be refused. */
const EXPECTED: readonly Expected[] = [
  // Somebody else was first, or it is done already.
  { service: 'dynamodb', what: /\.(?:PutItem|UpdateItem|DeleteItem)$/, why: /^400 .*ConditionalCheckFailedException/ },
  // A worker creates the lease table when it is not there. Two do so at the same time.
  { service: 'dynamodb', what: /\.CreateTable$/, why: /^400 .*ResourceInUseException/ },
  { service: 'dynamodb', what: /\.DescribeTable$/, why: /^400 .*ResourceNotFoundException/ },
  // Objects that are not there yet, and those of deleted uploads.
  { service: 's3', what: /^(?:HEAD|GET) \/[^?]+\/uploads\//, why: /^404 / },
  // moto does not speak CBOR. The worker finds out after some calls.
  { service: 'kinesis', what: /\.GetRecords$/, why: /^500 <!doctype html>/ },
]

/** Every refusal that is not expected, in a line: the server takes what our processes ask for something else than they do. */
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
