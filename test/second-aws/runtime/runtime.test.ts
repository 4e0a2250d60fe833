import { accessSync, constants, readFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { handlers } from '../../../infra/compute/image.ts'
import { createTestUser } from '../../api/support.ts'
import { sweepOrphans } from '../../image/scenarios/orphans.ts'
import { publishWhatIsLeft } from '../../image/scenarios/relay.ts'
import { endExpiredGrant } from '../../image/scenarios/sweep.ts'
import { takeThrough } from '../../image/scenarios/upload.ts'
import { startAws } from '../../support/aws.ts'
import { startPipeline } from '../../worker/pipeline.ts'
import { startEmulated } from './emulator.ts'
import { layOutImage } from './image-folder.ts'
import { runtimeClientMissing, runtimeClientVersion } from './runtime-client.ts'
import { answerBothVersions } from './scenarios/both-versions.ts'
import { notifyWebhook } from './scenarios/notifications.ts'
import { answerEachVersion } from './scenarios/one-version.ts'
import { answerDuringOutages } from './scenarios/outages.ts'
import { processBatches } from './scenarios/processor.ts'
import { refuseConfigurations } from './scenarios/start.ts'

const emulator = findEmulator()
const missing =
  emulator === undefined
    ? 'aws-lambda-rie is not installed: go install github.com/aws/aws-lambda-runtime-interface-emulator/cmd/aws-lambda-rie@latest'
    : runtimeClientMissing()

/** Returns the path of aws-lambda-rie, where it is on PATH. */
function findEmulator(): string | undefined {
  const files = (process.env.PATH ?? '').split(path.delimiter).map(folder => path.join(folder, 'aws-lambda-rie'))
  return files.find(file => {
    try {
      accessSync(file, constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

/** Returns the version that Go has built into the emulator, which has no option that prints it. */
function versionOf(file: string): string {
  const built = readFileSync(file, 'latin1')
  return (
    /\tgithub\.com\/aws\/aws-lambda-runtime-interface-emulator\t(v[\w.+-]+|\(devel\))/.exec(built)?.[1] ?? 'unknown'
  )
}

// In one file, so that the image is bundled and compiled once.
t.setTimeout(600_000)
t.test("functions of the image under AWS's runtime interface emulator", { skip: missing ?? false }, async t => {
  t.comment(
    `aws-lambda-rie ${versionOf(emulator ?? '')}, aws-lambda-ric ${runtimeClientVersion}, Node ${process.version}`,
  )
  const laidOutAt = performance.now()
  const app = await layOutImage(t.testdir())
  t.comment(`bundled and compiled in ${Math.round(performance.now() - laidOutAt)} ms`)
  const aws = await startAws(t)
  const user = await createTestUser(aws)

  const started = new Set<string>()
  for (const [name, act] of [
    ['process an upload', takeThrough],
    ['publish an event from the outbox', publishWhatIsLeft],
    ['end an expired grant', endExpiredGrant],
    ['delete orphaned objects and republish waiting uploads', sweepOrphans],
  ] as const) {
    await t.test(`functions ${name}`, async t => {
      const aws = await startAws(t)
      await act(t, {
        aws,
        async start(role, env = {}) {
          started.add(role)
          const one = await startEmulated(t, {
            app,
            handler: handlers[role],
            env: { ...aws.env, LOG_LEVEL: 'warn', ...env },
          })
          return { invoke: async event => (await one.invoke<never>(event)).answer }
        },
      })
    })
  }
  t.strictSame([...started].sort(), Object.keys(handlers).sort(), 'each function was started')

  await t.test('the api answers the events of API Gateway', async t => {
    const api = await startEmulated(t, { app, handler: handlers.api, env: aws.env })
    const scene = { aws, user, api }
    await answerEachVersion(t, scene)
    await answerBothVersions(t, scene)
  })

  await t.test('the api answers in time while a service of AWS does not', async t => {
    const start = (env: Record<string, string>, timeoutSeconds: number) =>
      startEmulated(t, { app, handler: handlers.api, env: { ...aws.env, ...env }, timeoutSeconds })
    await answerDuringOutages(t, { aws, user, start })
  })

  await t.test('the processor reports what Lambda is to bring again', async t => {
    const pipeline = await startPipeline(t)
    await processBatches(t, pipeline, (t, { env = {}, timeoutSeconds = 30 } = {}) =>
      startEmulated(t, { app, handler: handlers.processor, env: { ...pipeline.aws.env, ...env }, timeoutSeconds }),
    )
  })

  await t.test('the processor and the relay notify a webhook', async t => {
    const pipeline = await startPipeline(t)
    await notifyWebhook(t, pipeline, (role, env) =>
      startEmulated(t, { app, handler: handlers[role], env: { ...pipeline.aws.env, LOG_LEVEL: 'warn', ...env } }),
    )
  })

  await t.test('a function that cannot be configured fails its start, by variable', async t => {
    await refuseConfigurations(t, (t, role, env) =>
      startEmulated(t, { app, handler: handlers[role], env: { ...aws.env, ...env } }),
    )
  })
})
