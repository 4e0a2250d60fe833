import t from 'tap'
import { type Failure, type GiveUpReason, whyGiveUp } from '../../../services/consumer/processing/retry-policy.ts'

const bounds = { maxAttempts: 3, maxAgeMs: 1_000 }
const none = { maxAttempts: Number.POSITIVE_INFINITY, maxAgeMs: Number.POSITIVE_INFINITY }
const failure = (fields: Partial<Failure>): Failure => ({ errorClass: 'retry', attempts: 1, ageMs: 0, ...fields })

const table: ReadonlyArray<[string, Failure, typeof bounds, GiveUpReason | undefined]> = [
  ['a first failure', failure({}), bounds, undefined],
  ['the last try but one', failure({ attempts: 2 }), bounds, undefined],
  ['the last try', failure({ attempts: 3 }), bounds, 'too many attempts'],
  ['a record just in time', failure({ ageMs: 999 }), bounds, undefined],
  ['a record out of time', failure({ ageMs: 1_000 }), bounds, 'too old'],
  ['a final error', failure({ errorClass: 'give up' }), bounds, 'given up'],
  ['a final error without bounds', failure({ errorClass: 'give up' }), none, 'given up'],
  ['a failure without bounds', failure({ attempts: 1e9, ageMs: 1e12 }), none, undefined],
  ['a failed dependency, however often', failure({ errorClass: 'dependency', attempts: 99 }), bounds, undefined],
  ['a failed dependency, however old', failure({ errorClass: 'dependency', ageMs: 1e12 }), bounds, undefined],
]

for (const [name, input, policy, expected] of table) {
  t.test(`${name} is ${expected ? `given up: ${expected}` : 'retried'}`, async t => {
    t.equal(whyGiveUp(input, policy), expected)
  })
}
