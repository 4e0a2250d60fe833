import { finished } from 'node:stream/promises'
import t from 'tap'
import { startAws } from '../../support/aws.ts'
import { createTestUser } from '../support.ts'
import { startApi } from '../tus/server.ts'
import { createAftermath } from './settle.ts'
import { describeStep, envOf, injectAt, type Step, startProxies, stepsSeen } from './steps.ts'
import { type Way, ways, waysEnv } from './ways.ts'

// Every step of every way takes three minutes: HEADGATE_FAULTS=all, or the name of a way.
const long = process.env.HEADGATE_FAULTS
const tried = long === undefined ? ['json', 'raw'] : long === 'all' ? Object.keys(ways) : [long]

/** In short, what the ways have in common is tried with one of them. */
const isTried = (way: string, { service, nth }: Step) =>
  long !== undefined || way === 'json' || (service === 's3' && nth === 1)

const aws = await startAws(t)
const aftermath = createAftermath(aws)
const cases: Array<{ name: string } & Awaited<ReturnType<typeof killed>>> = []

/** An api that is killed once a service has done what it asked at a step, and has not been heard. Undefined: at none. */
async function killed(way: Way, step?: Step) {
  const proxies = await startProxies(aws)
  const ends: Array<() => unknown> = []
  const api = await startApi({ teardown: end => void ends.push(end) }, aws, {
    ...envOf(proxies),
    ...waysEnv(aws.endpoints.s3),
  })
  const user = await createTestUser(aws)
  const injected =
    step &&
    injectAt(
      proxies,
      step,
      async exchange => {
        const reply = await exchange.forward()
        await finished(reply.resume())
        await api.kill()
        exchange.cut()
      },
      1,
    )
  const attempt = await way(api, user)
  const steps = stepsSeen(proxies)
  for (const end of ends) await end()
  await proxies.close()
  return { user, attempt, steps, hits: injected?.hits ?? 0 }
}

t.before(() => aftermath.begin())

// Each spends its time in waiting, and the next test needs all of them to be over.
t.test('every way, with a death at a step', { jobs: 2 }, async t => {
  for (const name of tried) {
    const way = ways[name] as Way
    t.test(`${name}: an api that is killed at any step`, { buffered: true }, async t => {
      const whole = await killed(way)
      t.equal(whole.attempt.outcome, 'accepted', whole.attempt.told)
      for (const step of whole.steps.filter(one => isTried(name, one))) {
        const dead = await killed(way, step)
        t.equal(dead.hits, 1, `it was killed at ${describeStep(step)}`)
        t.not(dead.attempt.outcome, 'accepted', 'and its client was not answered')
        cases.push({ name: `${name}, killed at ${describeStep(step)}`, ...dead })
      }
      cases.push({ name, ...whole })
    })
  }
})

t.test('loses no accepted upload, and leaves nothing that is not processed or removed', async t => {
  await aftermath.settle()
  for (const { name, user, attempt } of cases) await aftermath.verify(t, name, user, attempt)
})
