import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import t from 'tap'
import { createTestUser } from '../api/support.ts'
import { startApi } from '../api/tus/server.ts'
import { startAws } from '../support/aws.ts'
import { bin, createEmptyProject } from '../support/empty-project.ts'
import { packClient, run } from '../support/pack.ts'
import { runProgram } from '../support/processes.ts'

const root = path.resolve(import.meta.dirname, '../..')
const MAX_GZIPPED_BYTES = 12 * 1024

const packed = await packClient(t)
const beside = (name: string) => ['@types', 'undici-types'].includes(name)
const project = await createEmptyProject(t, { packed: [packed], beside })

t.test('a bundle for browsers has at most 12 KiB when it is compressed, and nothing of Node', async t => {
  const { outputFiles } = await build({
    stdin: { contents: "export * from '@headgate/client'", resolveDir: project },
    bundle: true,
    splitting: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    write: false,
    outdir: 'out',
  })
  const entry = outputFiles.find(({ path }) => path.endsWith('stdin.js'))
  const size = gzipSync(entry?.contents ?? '').length
  t.comment(`${size} bytes`)
  t.ok(size > 1_000 && size <= MAX_GZIPPED_BYTES, `${size} bytes`)
  for (const { text, path } of outputFiles) t.notMatch(text, /["']node:/, path)
})

t.test('the types need nothing but those of Node or of the DOM', async t => {
  writeFileSync(path.join(project, 'package.json'), '{ "type": "module" }')
  const source = [
    "import { Headgate, type UploadOptions } from '@headgate/client'",
    "const client = new Headgate({ url: 'http://a', getToken: async ({ rejected }) => rejected ?? '' })",
    "export const id: string = (await client.upload(new Blob(['a']), { filename: 'a' })).uploadId",
    '// @ts-expect-error there is no such option',
    "export const options: UploadOptions = { fileName: 'a' }",
    '// @ts-expect-error a file is not a number',
    'void client.upload(1)',
  ]
  writeFileSync(path.join(project, 'types.ts'), source.join('\n'))
  const strict = ['--strict', '--exactOptionalPropertyTypes', '--noEmit', '--target', 'es2022', '--module', 'nodenext']
  for (const [name, types] of Object.entries({
    Node: ['--types', 'node'],
    DOM: ['--types', '', '--lib', 'es2024,dom,dom.asynciterable'],
  })) {
    const checked = run(bin('tsc'), [...strict, ...types, '--skipLibCheck', 'false', 'types.ts'], { cwd: project })
    await t.resolves(
      checked.catch((error: { stdout: string }) => Promise.reject(new Error(error.stdout))),
      name,
    )
  }
})

t.test('the program of the README uploads a file, and prints what became of it', async t => {
  const readme = readFileSync(path.join(root, 'services/client/README.md'), 'utf8')
  const program = /```js\n(\/\/ upload\.mjs\n[\s\S]*?)```/.exec(readme)?.[1] ?? ''
  t.ok(program.trim().split('\n').length <= 11, 'it has ten lines')
  t.match(readFileSync(path.join(root, 'README.md'), 'utf8'), program.trim(), 'the README of the repository has it too')
  const aws = await startAws(t)
  const api = await startApi(t, aws)
  const user = await createTestUser(aws)
  runProgram(t, [path.join(root, 'services/worker/worker.ts')], { env: aws.env })
  writeFileSync(path.join(project, 'upload.mjs'), program)
  writeFileSync(path.join(project, 'notes.txt'), 'hello client\n')
  const ran = runProgram(t, ['upload.mjs'], { cwd: project, env: { API: api.url, TOKEN: user.idToken } })
  t.same(await ran.ended, { code: 0, signal: null }, ran.stderr())
  t.match(ran.stdout(), /^13 of 13 bytes\n[\s\S]*HELLO CLIENT\n/m)
})
