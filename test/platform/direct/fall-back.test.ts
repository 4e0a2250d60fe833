import { once } from 'node:events'
import t from 'tap'
import { createFallBack } from '../../../services/platform/direct/fall-back.ts'

const ok = async () => 'direct'
const fails = () => Promise.reject(new Error('no bytes in JSON'))
const sdk = async () => 'sdk'
const sdkFails = () => Promise.reject(new Error('throttled'))

t.test('a direct request that fails, or has no usable reply, is made by the SDK', async t => {
  const fallBack = createFallBack('S3')
  t.equal(await fallBack(ok, sdk), 'direct')
  t.equal(await fallBack(fails, sdk), 'sdk')
  t.equal(await fallBack(async () => undefined, sdk), 'sdk')
  await t.rejects(fallBack(fails, sdkFails), { message: 'throttled' })
})

t.test('direct requests that always fail while the SDK succeeds are reported once', async t => {
  const warnings: Error[] = []
  const listen = (warning: Error & { code?: string }) => {
    if (warning.code === 'HEADGATE_DIRECT_REQUESTS') warnings.push(warning)
  }
  process.on('warning', listen)
  t.teardown(() => process.off('warning', listen))
  let seconds = 0
  const fallBack = createFallBack('DynamoDB', () => seconds * 1_000)
  const failFor = async (times: number, useSdk: () => Promise<string>) => {
    for (let count = 0; count < times; count++, seconds += 2) await fallBack(fails, useSdk).catch(() => undefined)
  }
  await failFor(49, sdk)
  await fallBack(ok, sdk)
  await failFor(100, sdkFails)
  await failFor(49, sdk)
  await new Promise(setImmediate) // A warning is emitted after the code that caused it.
  t.equal(warnings.length, 0, 'a success ends a row, and a fault that the SDK meets too is thrown')
  const warned = once(process, 'warning')
  await failFor(100, sdk)
  await warned
  t.equal(warnings.length, 1)
  t.match(warnings[0]?.message, /50 direct requests to DynamoDB failed \(no bytes in JSON\)/)
})

t.test('an outage of a minute is not reported', async t => {
  const warnings: Error[] = []
  const listen = (warning: Error) => warnings.push(warning)
  process.on('warning', listen)
  t.teardown(() => process.off('warning', listen))
  let ms = 0
  const fallBack = createFallBack('DynamoDB', () => ms)
  for (let count = 0; count < 500; count++, ms += 100) await fallBack(fails, sdk)
  await new Promise(setImmediate)
  t.same(warnings, [])
})
