import path from 'node:path'
import t, { type Test } from 'tap'
import { buildImage, dockerMissing } from '../../bench/lambda/docker.ts'
import { startFunction } from '../../bench/lambda/function.ts'
import { entriesOf } from '../../image/entries.ts'
import { handlers } from '../../infra/compute/image.ts'
import { holdToItsContents } from './contents.ts'
import { openScene, type Role, type Scene } from './functions.ts'
import { runOwnTransform } from './own-transform.ts'
import { sweepOrphans } from './scenarios/orphans.ts'
import { publishWhatIsLeft } from './scenarios/relay.ts'
import { endExpiredGrant } from './scenarios/sweep.ts'
import { takeThrough } from './scenarios/upload.ts'

/** The scenario of each function. A new function must be added here. */
const work: Record<Role, [string, (t: Test, scene: Scene) => Promise<void>]> = {
  api: ['process an upload', takeThrough],
  processor: ['process an upload', takeThrough],
  relay: ['publish an event from the outbox', publishWhatIsLeft],
  sweep: ['end an expired grant', endExpiredGrant],
  orphans: ['delete orphaned objects and republish waiting uploads', sweepOrphans],
}

t.test('the stacks have a function for every handler of the image', async t => {
  const { handlers: inImage } = entriesOf(path.resolve(import.meta.dirname, '../../services'))
  const ofStacks = Object.values(handlers).map(handler => handler.replace(/^dist\/services\/|\.handler$/g, ''))
  t.strictSame(ofStacks.sort(), inImage.sort())
})

// In one file, so that the image is built once. The first build takes minutes.
t.setTimeout(1_800_000)
t.test('the image', { skip: (await dockerMissing()) ?? false }, async t => {
  const image = await buildImage('runtime')
  await t.test('has only the expected contents', async t => holdToItsContents(t, image))

  const started = new Set<string>()
  for (const [name, act] of new Map(Object.values(work))) {
    const scene = (t: Test) => openScene(t, image, role => started.add(role))
    await t.test(`has functions that ${name}, under AWS's runtime client`, async t => act(t, await scene(t)))
  }
  t.strictSame([...started].sort(), Object.keys(handlers).sort(), 'each was started')

  await t.test('reports to Lambda why a function cannot be configured, variable by variable', async t => {
    const starting = startFunction({ image, handler: handlers.api, env: { AWS_REGION: 'us-east-1' } })
    await t.rejects(starting, { name: 'InvocationError', message: /UPLOAD_BUCKET[\s\S]*COGNITO_CLIENT_ID/ })
  })

  await t.test('runs a custom transform that is installed as the guide says', async t => runOwnTransform(t, image))
})
