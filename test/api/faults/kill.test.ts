import { finished } from 'node:stream/promises'
import t from 'tap'
import { startAws } from '../../support/aws.ts'
import { createTestUser } from '../support.ts'
import { startApi } from '../tus/server.ts'
import { createAftermath } from './aftermath.ts'
import { describeStep, envOf, injectAt, type Step, startProxies, stepsSeen } from './steps.ts'
import { methods, methodsEnv, type UploadMethod } from './upload-methods.ts'

// Every step of every method takes three minutes: HEADGATE_FAULTS=all, or the name of a method.
const long = process.env.HEADGATE_FAULTS
const tried = long === undefined ? ['json', 'raw'] : long === 'all' ? Object.keys(methods) : [long]

/** Without HEADGATE_FAULTS, steps that all methods share are tested with one method. */
const isTried = (method: string, { service, nth }: Step) =>
  long !== undefined || method === 'json' || (service === 's3' && nth === 1)

const aws = await startAws(t)
const aftermath = createAftermath(aws)
const cases: Array<{ name: string } & Awaited<ReturnType<typeof killed>>> = []

/** Makes an upload at an api that is killed at a step, after the service has done its work and before its response arrives. Without a step, the api is not killed. */
async function killed(method: UploadMethod, step?: Step) {
  const proxies = await startProxies(aws)
  const ends: Array<() => unknown> = []
  const api = await startApi({ teardown: end => void ends.push(end) }, aws, {
    ...envOf(proxies),
    ...methodsEnv(aws.endpoints.s3),
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
  const attempt = await method(api, user)
  const steps = stepsSeen(proxies)
  for (const end of ends) await end()
  await proxies.close()
  return { user, attempt, steps, hits: injected?.hits ?? 0 }
}

t.before(() => aftermath.begin())

// The tests mostly wait, so they run concurrently. The next test needs the results of all of them.
t.test('every upload method with a crash at each step', { jobs: 2 }, async t => {
  for (const name of tried) {
    const method = methods[name] as UploadMethod
    t.test(`${name}: an api that is killed at each step`, { buffered: true }, async t => {
      const whole = await killed(method)
      t.equal(whole.attempt.outcome, 'accepted', whole.attempt.answer)
      for (const step of whole.steps.filter(one => isTried(name, one))) {
        const dead = await killed(method, step)
        t.equal(dead.hits, 1, `it was killed at ${describeStep(step)}`)
        t.not(dead.attempt.outcome, 'accepted', 'and its client was not answered')
        cases.push({ name: `${name}, killed at ${describeStep(step)}`, ...dead })
      }
      cases.push({ name, ...whole })
    })
  }
})

t.test('no accepted upload is lost, and everything is processed or removed', async t => {
  await aftermath.settle()
  for (const { name, user, attempt } of cases) await aftermath.verify(t, name, user, attempt)
})
