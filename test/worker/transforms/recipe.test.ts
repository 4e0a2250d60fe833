import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as pass } from 'node:timers/promises'
import { GetObjectCommand } from '@aws-sdk/client-s3'
import t from 'tap'
import { names } from '../../../services/platform/resources.ts'
import { createPublisher } from '../../../services/uploads/events/publisher.ts'
import { outputsPrefix, processedKey } from '../../../services/uploads/objects/keys.ts'
import { eventOf } from '../../../services/uploads/records/record.ts'
import { bin, createEmptyProject } from '../../support/empty-project.ts'
import { packPackages, run } from '../../support/pack.ts'
import { runProgram } from '../../support/processes.ts'
import { startPipeline } from '../pipeline.ts'
import { blocksOf } from './recipe.ts'

const recipe = blocksOf(
  readFileSync(path.resolve(import.meta.dirname, '../../../docs/tutorials/first-transform.md'), 'utf8'),
)
const { headgate, transform } = await packPackages()
const project = await createEmptyProject(t, { packed: [headgate, transform] })

t.test('the files of the tutorial are written, and its commands up to the worker succeed', async t => {
  t.strictSame(
    recipe.map(({ file, language }) => file ?? language),
    [
      'sh',
      'log-errors.ts',
      'log-errors.test.ts',
      'sh',
      'tsconfig.json',
      'sh',
      'transforms.json',
      'sh',
      'sh',
      'dockerfile',
    ],
  )
  const [setUp = '', test = ''] = recipe.filter(({ language }) => language === 'sh').map(({ text }) => text)
  for (const command of setUp.trim().split('\n')) {
    // The packages are in the project already. test/package/ installs them from the registry.
    if (!command.startsWith('npm install ')) await run('sh', ['-c', command], { cwd: project })
  }
  for (const { file, text } of recipe) if (file) writeFileSync(path.join(project, file), text)
  const node = `PATH=${path.dirname(process.execPath)}:$PATH`
  const { stdout } = await run('sh', ['-c', `${node} ${test}`], { cwd: project })
  t.match(stdout, /pass 2\b[\s\S]*fail 0\b/)
})

t.test(
  'the tsconfig of the tutorial compiles its transform against the types of the package, and rejects mistakes',
  async t => {
    const compile = () => run(bin('tsc'), [], { cwd: project })
    const orOutput = (error: { stdout: string }) => Promise.reject(new Error(error.stdout))
    await t.resolves(compile().catch(orOutput))
    const mistakes = path.join(project, 'mistakes.ts')
    writeFileSync(
      mistakes,
      "import type { Transform } from 'headgate/transform'\nexport const a: Transform = { name: 1 }\nenum B { C }\n",
    )
    await t.rejects(compile().catch(orOutput), {
      message: /mistakes\.ts\(2,\d+\): error TS\d+[\s\S]*mistakes\.ts\(3,6\): error TS1294/,
    })
    rmSync(mistakes)
  },
)

t.test('the worker runs the transform as the tutorial describes', async t => {
  const { aws, store, results, upload } = await startPipeline(t)
  const command = /^TRANSFORMS=(\S+) node (\S+)$/m.exec(
    recipe.findLast(({ language }) => language === 'sh')?.text ?? '',
  )
  const [, transforms = '', program = ''] = command ?? []
  const worker = runProgram(t, [program], {
    cwd: project,
    env: { ...aws.env, TRANSFORMS: transforms, FAILOVER_TIME_MS: '2000' },
  })
  const log = await upload('09:00 INFO up\n09:01 ERROR no disk\n', { filename: 'app.log' })
  const other = await upload('hello', { filename: 'other.txt' })
  const publisher = createPublisher({ kinesis: aws.kinesis, stream: names.stream, timeoutMs: 20_000 })
  await Promise.all([log, other].map(record => publisher.publish(eventOf(record))))
  for (const record of [log, other]) {
    const deadline = performance.now() + 60_000
    while ((await store.get(record))?.status !== 'processed') {
      if (performance.now() > deadline) throw new Error(`${record.filename} was not processed: ${worker.stdout()}`)
      await pass(50)
    }
  }
  const main = await aws.s3.send(new GetObjectCommand({ Bucket: names.processedBucket, Key: processedKey(log.key) }))
  t.equal(await main.Body?.transformToString(), '09:01 ERROR no disk\n')
  t.match(main.Metadata, { transform: 'log-errors', 'transform-version': '1', 'upload-id': log.uploadId })
  const levels = await results.get(log, 'levels.json', log.uploadId)
  t.equal(Buffer.from(levels?.body ?? '').toString(), '{"INFO":1,"ERROR":1}')
  t.notMatch(await store.get(log), { outputs: [{}, { s3: { key: `${outputsPrefix(log.key)}levels.json` } }] })
  t.match(await store.get(other), { transform: { name: 'upper-case' } }, 'an upload that no custom rule matches')
  worker.child.kill('SIGTERM')
  t.match(await worker.ended, { code: 0 })
})

t.test('a worker whose transform can not be loaded does not start, and names the transform', async t => {
  writeFileSync(path.join(project, 'log-errors.ts'), 'export const renamed = 1')
  const env = { AWS_REGION: 'us-east-1', UPLOAD_BUCKET: 'uploads', PROCESSED_BUCKET: 'processed' }
  const worker = runProgram(t, ['node_modules/headgate/dist/services/worker/worker.js'], {
    cwd: project,
    env: { ...env, TRANSFORMS: 'transforms.json' },
  })
  t.match(await worker.ended, { code: 1 })
  t.match(
    worker.stderr(),
    /TRANSFORMS: \/rules\/0\/export: \S+log-errors\.ts has no export "default"\. It has: renamed/,
  )
})
