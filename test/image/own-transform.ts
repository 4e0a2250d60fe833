import { readFileSync } from 'node:fs'
import path from 'node:path'
import type { Test } from 'tap'
import { buildFolder, docker, logsOf } from '../../bench/lambda/docker.ts'
import { names } from '../../services/platform/resources.ts'
import { createPublisher } from '../../services/uploads/events/publisher.ts'
import { processedKey } from '../../services/uploads/objects/keys.ts'
import { eventOf, type UploadRecord } from '../../services/uploads/records/record.ts'
import { eventually } from '../api/support.ts'
import { startPipeline } from '../worker/pipeline.ts'
import { blocksOf } from '../worker/transforms/recipe.ts'

const guide = path.resolve(import.meta.dirname, '../../docs/tutorials/first-transform.md')

/** Runs a custom transform in the image, installed as the guide says. */
export async function runOwnTransform(t: Test, runtime: string): Promise<void> {
  const recipe = blocksOf(readFileSync(guide, 'utf8'))
  const files = recipe.flatMap(({ file, text }) => (file === undefined ? [] : [[file, text] as const]))
  const dockerfile = recipe.find(({ language }) => language === 'dockerfile')?.text ?? ''
  const folder = t.testdir({
    ...Object.fromEntries(files),
    Dockerfile: dockerfile.replace(/^FROM headgate$/m, `FROM ${runtime}`),
  })
  const image = await buildFolder(folder, 'transform')
  const { aws, store, upload, read } = await startPipeline(t)
  const log = await upload('09:00 INFO up\n09:01 ERROR no disk\n', { filename: 'app.log' })
  const none = await upload('hello\n', { filename: 'none.log' })
  const publisher = createPublisher({ kinesis: aws.kinesis, stream: names.stream, timeoutMs: 20_000 })
  await Promise.all([log, none].map(record => publisher.publish(eventOf(record))))

  const given = Object.entries({ ...aws.env, FAILOVER_TIME_MS: '2000' }).flatMap(([name, value]) => [
    '--env',
    `${name}=${value}`,
  ])
  const worker = await docker('run', '--detach', '--network', 'host', '--read-only', '--tmpfs', '/tmp', ...given, image)
  t.teardown(() => docker('rm', '--force', worker))
  const ends = async (record: UploadRecord, status: string) => {
    const has = async () => (await store.get(record))?.status === status
    await eventually(has, 60_000).catch(async (cause: unknown) => {
      throw new Error(`${record.filename} did not become ${status}:\n${await logsOf(worker)}`, { cause })
    })
  }
  await ends(log, 'processed')
  t.match(await read(processedKey(log.key)), { text: '09:01 ERROR no disk\n', metadata: { transform: 'log-errors' } })
  await ends(none, 'failed')
  const failure = { code: 'HEADGATE_TRANSFORM_REFUSED', reason: 'This file is not a log: a line has no level.' }
  t.match(await store.get(none), { failure }, 'what it refuses is refused for good')
}
