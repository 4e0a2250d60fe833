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

/** Each function's own work, seen to be done. One more function has to be one more here. */
const work: Record<Role, [string, (t: Test, scene: Scene) => Promise<void>]> = {
  api: ['take an upload through', takeThrough],
  processor: ['take an upload through', takeThrough],
  relay: ['publish an event that was left in the outbox', publishWhatIsLeft],
  sweep: ['end a grant whose time is up', endExpiredGrant],
  orphans: ['give up what nobody has recorded', sweepOrphans],
}

t.test('every handler of the image is a function of the stacks', async t => {
  const { handlers: inImage } = entriesOf(path.resolve(import.meta.dirname, '../../services'))
  const ofStacks = Object.values(handlers).map(handler => handler.replace(/^dist\/services\/|\.handler$/g, ''))
  t.strictSame(ofStacks.sort(), inImage.sort())
})

// In one file, so that the image is built once. The first time of all takes minutes.
t.setTimeout(1_800_000)
t.test('the image', { skip: (await dockerMissing()) ?? false }, async t => {
  const image = await buildImage('runtime')
  await t.test('has what it should, and nothing else', async t => holdToItsContents(t, image))

  const started = new Set<string>()
  for (const [name, act] of new Map(Object.values(work))) {
    const scene = (t: Test) => openScene(t, image, role => started.add(role))
    await t.test(`has functions that ${name}, under AWS's runtime client`, async t => act(t, await scene(t)))
  }
  t.strictSame([...started].sort(), Object.keys(handlers).sort(), 'each was started')

  await t.test('says to Lambda, by variable, why a function cannot be configured', async t => {
    const starting = startFunction({ image, handler: handlers.api, env: { AWS_REGION: 'us-east-1' } })
    await t.rejects(starting, { name: 'InvocationError', message: /UPLOAD_BUCKET[\s\S]*COGNITO_CLIENT_ID/ })
  })

  await t.test("runs a transform of one's own, as the guide puts it there", async t => runOwnTransform(t, image))
})
